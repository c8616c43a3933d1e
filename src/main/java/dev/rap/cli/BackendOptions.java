package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.cuda.Cuda;
import dev.rap.cuda.CudaBackend;
import dev.rap.engine.Backend;
import dev.rap.engine.CpuBackend;
import dev.rap.kernels.CpuKernels;
import dev.rap.model.Weights;
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
   * @throws InputException if the options are wrong, or later if it cannot run there
   */
  Function<Weights, Backend> loader(Console console) {
    if (threads < 1 || threads > 1024) {
      throw new InputException("--threads must be in [1, 1024], was " + threads);
    }
    return weights -> load(weights, console);
  }

  private Backend load(Weights weights, Console console) {
    return switch (target) {
      case REFERENCE -> new CpuBackend(weights, CpuKernels.reference(), threads);
      case CPU -> onCpu(weights);
      case CUDA, AUTO -> onGpu(weights, console);
    };
  }

  private Backend onCpu(Weights weights) {
    return new CpuBackend(weights, CpuKernels.open(threads), threads);
  }

  private Backend onGpu(Weights weights, Console console) {
    try (LoadingProgress progress = new LoadingProgress(console, weights)) {
      return switch (CudaBackend.open(weights, progress)) {
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
