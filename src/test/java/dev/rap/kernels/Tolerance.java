package dev.rap.kernels;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.function.Supplier;

/**
 * How far a kernel may be from the oracle. Each bound is derived from what the kernel rounds;
 * inputs that a kernel would round are chosen such that it need not, except in the tests of that
 * rounding.
 */
final class Tolerance {
  /** Largest relative error of one rounding to float32. */
  static final double F32 = 0x1p-24;

  /** Largest relative error of one rounding to bf16. */
  static final double BF16 = 0x1p-9;

  /** Of the kernels' exp, relative: what the issue asks for. */
  static final double EXP = 1e-6;

  /** Of the kernels' soft cap, relative to the cap: by native/simd.h. */
  static final double SOFT_CAP = 5e-7;

  /**
   * Standard deviations that no rounding error among a few million may pass: beyond 7 lies 3e-12 of
   * a normal distribution.
   */
  private static final double DEVIATIONS = 7;

  private Tolerance() {}

  /**
   * Of a sum of products in float32: every term takes part in at most as many roundings as there
   * are terms, plus two for its product and a scale, and the result one more. By Cauchy and Schwarz
   * the magnitudes add up to the product of the norms at most.
   */
  static double product(int terms, double weightNorm, double activationNorm) {
    return (terms + 3) * F32 * weightNorm * activationNorm;
  }

  /**
   * Of a sum whose activations are rounded to steps, errors uniform within half a step and
   * independent: {@code variance} is the sum of step^2 / 12 * weight^2.
   */
  static double rounded(double variance) {
    return DEVIATIONS * Math.sqrt(variance);
  }

  /**
   * Of attention, relative to the largest value: a score is wrong by at most {@code score}, which
   * changes a weight by twice that relative to the total; each of the positions' terms is rounded,
   * and its exponential.
   */
  static double attention(double score, int positions) {
    return 4 * score + 2 * EXP + (positions + 8) * F32;
  }

  /**
   * Of a log-probability, absolute: the exponentials; the difference of two logits of magnitude
   * {@code largest}; 1,024 of them over at least 4 lanes in float32.
   */
  static double logProb(double largest) {
    return EXP + 2 * largest * F32 + 256 * F32;
  }

  /** Fails, saying by how much, unless {@code actual} is within {@code bound}; NaN never is. */
  static void check(Supplier<String> where, double expected, double actual, double bound) {
    double error = Math.abs(actual - expected);
    if (!(error <= bound)) {
      fail(
          "%s: expected %s, was %s: %.3g times the bound of %.3g"
              .formatted(where.get(), expected, actual, error / bound, bound));
    }
  }
}
