package dev.rap.dqn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.dqn.DqnConfig.EpsilonSchedule;
import org.junit.jupiter.api.Test;

class DqnConfigTest {
  private static final EpsilonSchedule EPSILON = new EpsilonSchedule(1, 0.1, 1000);

  private static DqnConfig config(double discount, double rate, int batch, int starts, int most) {
    return new DqnConfig(1000, 100, discount, 1, rate, batch, most, starts, 1, 10, EPSILON, 0);
  }

  @Test
  void refusesWhatIsOutOfRange() {
    assertRefused("discount", () -> config(1.5, 1e-3, 1, 1, 1));
    assertRefused("discount", () -> config(Double.NaN, 1e-3, 1, 1, 1));
    assertRefused("learningRate", () -> config(1, 0, 1, 1, 1));
    assertRefused("learningRate", () -> config(1, Double.NaN, 1, 1, 1));
    assertRefused("batchSize", () -> config(1, 1e-3, 8, 7, 10));
    assertRefused("learningStarts", () -> config(1, 1e-3, 8, 11, 10));
    assertRefused("end <= start", () -> new EpsilonSchedule(0.1, 0.5, 10));
  }

  private static void assertRefused(String word, Runnable made) {
    String message = assertThrows(IllegalArgumentException.class, made::run).getMessage();
    assertTrue(message.contains(word), message);
  }

  @Test
  void epsilonFallsInALine() {
    assertEquals(1, EPSILON.at(0));
    assertEquals(0.55, EPSILON.at(500), 1e-12);
    assertEquals(0.1, EPSILON.at(1000));
    assertEquals(0.1, EPSILON.at(1_000_000));
  }

  @Test
  void learningRateFallsToATenth() {
    DqnConfig config = config(1, 0.5, 1, 1, 1);
    assertEquals(0.5, config.learningRateAt(0));
    assertEquals(0.275, config.learningRateAt(500), 1e-12);
    assertEquals(0.05, config.learningRateAt(5000), 1e-12);
  }
}
