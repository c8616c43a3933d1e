package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.cuda.Cuda;
import dev.rap.cuda.CudaBackend;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.LoadedModel;
import dev.rap.kernels.CpuKernels;
import dev.rap.model.Weights;
import java.nio.file.Path;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The model of a command, and what runs it. */
final class ModelOptions {
  private static final System.Logger LOG = System.getLogger(ModelOptions.class.getName());

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
    if (threads < 1 || threads > 1024) {
      throw new InputException("--threads must be in [1, 1024], was " + threads);
    }
    Path path = Models.of(console.environment()).resolve(model);
    return LoadedModel.open(path, weights -> load(weights, console));
  }

  private dev.rap.engine.Backend load(Weights weights, Console console) {
    return switch (backend) {
      case REFERENCE -> new CpuBackend(weights, CpuKernels.reference(), threads);
      case CPU -> onCpu(weights);
      case CUDA, AUTO -> onGpu(weights, console);
    };
  }

  private dev.rap.engine.Backend onCpu(Weights weights) {
    return new CpuBackend(weights, CpuKernels.open(threads), threads);
  }

  private dev.rap.engine.Backend onGpu(Weights weights, Console console) {
    try (LoadingProgress progress = new LoadingProgress(console, weights)) {
      return switch (CudaBackend.open(weights, progress)) {
        case CudaBackend.Opened opened -> opened.backend();
        case Cuda.Missing missing when backend == Backend.CUDA ->
            throw new InputException(
                "--backend cuda: %s: %s".formatted(missing.reason(), missing.remedy()));
        case Cuda.Missing missing -> {
          if (Cuda.isDriverPresent()) {
            LOG.log(
                System.Logger.Level.WARNING,
                "Running on the CPU: {0}. To mend it, {1}.",
                missing.reason(),
                missing.remedy());
          }
          yield onCpu(weights);
        }
      };
    }
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
