package dev.rap.kernels;

import dev.rap.kernels.reference.ReferenceKernels;

/** The ways to get {@link Kernels} for the CPU. */
public final class CpuKernels {
  private CpuKernels() {}

  /**
   * {@return the fastest kernels that run here}
   *
   * @param threads in the team, the caller included
   */
  public static Kernels open(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be positive, was " + threads);
    }
    return reference();
  }

  /** {@return the oracle: plain Java, float64 sums, activations as they are} */
  public static Kernels reference() {
    return new ReferenceKernels();
  }
}
