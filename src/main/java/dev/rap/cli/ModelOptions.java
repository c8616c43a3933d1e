package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.LoadedModel;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import java.nio.file.Path;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The model of a command, and what runs it. */
final class ModelOptions {
  private enum Backend {
    AUTO,
    CPU,
    CUDA,
    REFERENCE
  }

  @Parameters(
      paramLabel = "MODEL",
      description = "A GGUF file, a Hugging Face folder, a pulled model's name, or 'bundled'.")
  private String model;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of the CPU's kernels. Default: one a core.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description =
          "What runs the model: auto, cpu, cuda, or reference, which is slow and exact."
              + " Default: auto.")
  private Backend backend = Backend.AUTO;

  /**
   * {@return the model, opened}
   *
   * @throws InputException if it cannot be
   */
  LoadedModel open(Console console) {
    if (backend == Backend.CUDA) {
      throw new InputException("this build has no CUDA backend: use --backend cpu or auto");
    }
    if (threads < 1 || threads > 1024) {
      throw new InputException("--threads must be in [1, 1024], was " + threads);
    }
    Path path = Models.of(console.environment()).resolve(model);
    return LoadedModel.open(path, weights -> new CpuBackend(weights, kernels(), threads));
  }

  private Kernels kernels() {
    return backend == Backend.REFERENCE ? CpuKernels.reference() : CpuKernels.open(threads);
  }

  /** {@return the number of threads of the kernels} */
  int threads() {
    return threads;
  }

  /** {@return the model as the user named it} */
  String name() {
    return model;
  }
}
