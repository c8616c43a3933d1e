package dev.rap.kernels;

import static java.lang.System.Logger.Level.WARNING;

import dev.rap.InputException;
import dev.rap.kernels.reference.ReferenceKernels;
import dev.rap.natives.NativeLibrary;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/** The ways to get {@link Kernels} for the CPU. */
public final class CpuKernels {
  /** Names an {@link Isa} to use instead of the best that the processor has, to find a fault. */
  public static final String ISA_VARIABLE = "RAP_CPU_ISA";

  private static final System.Logger LOG = System.getLogger(CpuKernels.class.getName());
  private static final AtomicBoolean WARNED = new AtomicBoolean();

  private CpuKernels() {}

  /**
   * {@return the native kernels; where they cannot be loaded the reference kernels, after one
   * warning in the log that says why and what to do}
   *
   * @param threads in the team, the caller included
   * @throws InputException if {@value #ISA_VARIABLE} names no instruction set of this processor
   */
  public static Kernels open(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be positive, was " + threads);
    }
    return open(NativeLibrary.cpu(), threads);
  }

  static Kernels open(NativeLibrary.Outcome library, int threads) {
    return switch (library) {
      case NativeLibrary.Loaded _ -> new NativeKernels(threads, chosenIsa());
      case NativeLibrary.Unavailable none -> {
        if (!WARNED.getAndSet(true)) {
          LOG.log(
              WARNING,
              "Using the slow Java kernels: {0}. To mend it, {1}.",
              none.reason(),
              none.remedy());
        }
        yield reference();
      }
    };
  }

  /** {@return the oracle: plain Java, float64 sums, activations as they are} */
  public static Kernels reference() {
    return new ReferenceKernels();
  }

  private static Isa chosenIsa() {
    return isa(System.getenv(ISA_VARIABLE), Team.bestIsa());
  }

  static Isa isa(String name, Isa best) {
    if (name == null || name.isBlank()) {
      return best;
    }
    return Arrays.stream(Isa.values())
        .filter(isa -> isa.name().equals(name.toUpperCase(Locale.ROOT)))
        .filter(isa -> isa.compareTo(best) <= 0)
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "%s is \"%s\" but must be one of the instruction sets that this processor has, %s."
                        .formatted(
                            ISA_VARIABLE,
                            name,
                            Arrays.stream(Isa.values())
                                .filter(isa -> isa.compareTo(best) <= 0)
                                .toList())));
  }
}
