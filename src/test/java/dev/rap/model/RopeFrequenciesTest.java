package dev.rap.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/**
 * YaRN against what transformers 5.23.0 computes in {@code _compute_yarn_parameters}, in F32, and
 * others against sums by hand.
 */
class RopeFrequenciesTest {
  private static final int HEAD_SIZE = 16;

  @Test
  void pairsBetweenFastAndSlowAreBlended() {
    RopeScaling.Yarn yarn =
        new RopeScaling.Yarn(4, RopeScaling.Yarn.attentionFactor(4), 32, 1, 512, true);
    assertEquals(1.138629436, yarn.attentionFactor(), 1e-9);
    check(
        yarn,
        1.138629436,
        new double[] {
          1,
          0.25693506,
          0.0625,
          0.0138349654,
          0.00249999994,
          0.000790569466,
          0.000250000012,
          7.90569466e-05
        });
  }

  @Test
  void theBlendMayBeginAndEndWithinAPair() {
    check(
        new RopeScaling.Yarn(8, 0.7, 8, 2, 64, false),
        0.7,
        new double[] {
          1,
          0.134649381,
          0.0125000002,
          0.00395284733,
          0.00124999997,
          0.000395284733,
          0.000125000006,
          3.95284733e-05
        });
  }

  @Test
  void contextsBeyondTheOriginalOneHaveTheLongDivisors() {
    RopeScaling.LongRope longRope =
        new RopeScaling.LongRope(new float[] {1, 2}, new float[] {4, 5}, 1.25, 32);
    check(new RopeFrequencies(4, 100, longRope, 32), 1.25, new double[] {1, 0.05});
    check(new RopeFrequencies(4, 100, longRope, 33), 1.25, new double[] {0.25, 0.02});
  }

  // (1 + 3 * (64 / 32 - 1))^(4 / 2) = 16 times the base, so that its root is 4 times as large.
  @Test
  void theBaseGrowsWithContextsBeyondTheOriginalOne() {
    RopeScaling.Dynamic dynamic = new RopeScaling.Dynamic(3, 32);
    check(new RopeFrequencies(4, 100, dynamic, 32), 1, new double[] {1, 0.1});
    check(new RopeFrequencies(4, 100, dynamic, 64), 1, new double[] {1, 0.025});
  }

  private static void check(RopeScaling.Yarn yarn, double length, double[] radians) {
    check(new RopeFrequencies(HEAD_SIZE, 10_000, yarn, 2048), length, radians);
  }

  private static void check(RopeFrequencies frequencies, double length, double[] radians) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment cosSin = arena.allocate(8L * radians.length, 64);
      for (int position : new int[] {0, 1, 3}) {
        frequencies.write(cosSin, 0, position);
        for (int i = 0; i < radians.length; i++) {
          double angle = position * radians[i];
          double cosine = cosSin.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          double sine = cosSin.getAtIndex(ValueLayout.JAVA_FLOAT, radians.length + i);
          assertEquals(length * Math.cos(angle), cosine, 1e-6, "cosine of pair " + i);
          assertEquals(length * Math.sin(angle), sine, 1e-6, "sine of pair " + i);
        }
      }
    }
  }
}
