package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.cuda.Cuda;
import dev.rap.cuda.CudaBackend;
import dev.rap.engine.Backend;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.ModelFile;
import dev.rap.kernels.CpuKernels;
import dev.rap.model.Weights;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine.Option;

/** What runs a model. */
final class BackendOptions {
  private static final System.Logger LOG = System.getLogger(BackendOptions.class.getName());

  private enum Target {
    AUTO,
    CPU,
    CUDA,
    REFERENCE
  }

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
  private Target target = Target.AUTO;

  /**
   * {@return what brings a model where it runs}
   *
   * @param fit if present, chooses what is brought of one that the GPU has no room for
   * @throws InputException if the options are wrong, or later if it cannot run there
   */
  Function<ModelFile, Backend> loader(Console console, Optional<ModelFit> fit) {
    if (threads < 1 || threads > 1024) {
      throw new InputException("--threads must be in [1, 1024], was " + threads);
    }
    return file -> load(file, fit, console);
  }

  private Backend load(ModelFile file, Optional<ModelFit> fit, Console console) {
    return switch (target) {
      case REFERENCE -> new CpuBackend(file.weights(), CpuKernels.reference(), threads);
      case CPU -> onCpu(file.weights());
      case CUDA, AUTO -> onGpu(file, fit, console);
    };
  }

  private Backend onCpu(Weights weights) {
    return new CpuBackend(weights, CpuKernels.open(threads), threads);
  }

  private Backend onGpu(ModelFile file, Optional<ModelFit> fit, Console console) {
    Weights weights = file.weights();
    Optional<CudaBackend.Fit> chooser =
        fit.map(some -> (memory, freeBytes) -> some.choose(file, memory, freeBytes));
    try (LoadingProgress progress = new LoadingProgress(console, weights)) {
      return switch (CudaBackend.open(weights, chooser, progress)) {
        case CudaBackend.Opened opened -> opened.backend();
        case Cuda.Missing missing when target == Target.CUDA ->
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

  /** {@return the number of threads of the CPU's kernels} */
  int threads() {
    return threads;
  }
}
