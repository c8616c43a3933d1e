package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final int DRAWS = 20_000;

  private static MemorySegment logOf(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, logits);
  }

  private static double[] frequencies(SamplingOptions options, MemorySegment logits, int... seen) {
    int vocabulary = (int) (logits.byteSize() / 4);
    Sampler sampler = new Sampler(options, vocabulary);
    double[] frequencies = new double[vocabulary];
    for (int i = 0; i < DRAWS; i++) {
      frequencies[sampler.sample(logits, 0, seen, seen.length)] += 1.0 / DRAWS;
    }
    return frequencies;
  }

  // Four standard deviations of a frequency at p = 1/2 over 20,000 draws are 0.014.
  private static void assertClose(double[] expected, double[] actual) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], expected[i] == 0 ? 0 : 0.015, "token " + i);
    }
  }

  private static SamplingOptions options(double t, int topK, double topP, double minP) {
    return new SamplingOptions(t, topK, topP, minP, 1, 7);
  }

  @Test
  void zeroTemperatureTakesTheBestToken() {
    assertClose(new double[] {0, 1, 0}, frequencies(SamplingOptions.GREEDY, logOf(0.3, 0.4, 0.3)));
  }

  @Test
  void plainDrawsFollowTheProbabilities() {
    assertClose(
        new double[] {0.2, 0.5, 0.3}, frequencies(options(1, 0, 1, 0), logOf(0.2, 0.5, 0.3)));
  }

  // 0.2^2 : 0.4^2 : 0.4^2 = 1 : 4 : 4
  @Test
  void halfTheTemperatureSquaresTheRatios() {
    assertClose(
        new double[] {1 / 9.0, 4 / 9.0, 4 / 9.0},
        frequencies(options(0.5, 0, 1, 0), logOf(0.2, 0.4, 0.4)));
  }

  @Test
  void topKKeepsTheBestAndRenormalises() {
    assertClose(
        new double[] {0, 5 / 8.0, 3 / 8.0, 0},
        frequencies(options(1, 2, 1, 0), logOf(0.1, 0.5, 0.3, 0.1)));
  }

  // 0.5 falls short of 0.7, 0.5 + 0.3 reaches it.
  @Test
  void topPKeepsTheFewestThatReachIt() {
    assertClose(
        new double[] {0, 5 / 8.0, 3 / 8.0, 0},
        frequencies(options(1, 0, 0.7, 0), logOf(0.15, 0.5, 0.3, 0.05)));
  }

  // Of the three best, 5 : 3 : 1, the first has 0.556 of the mass: enough for 0.55.
  @Test
  void topPCountsWhatTopKLeft() {
    assertClose(
        new double[] {1, 0, 0, 0},
        frequencies(options(1, 3, 0.55, 0), logOf(0.5, 0.3, 0.1, 0.1 - 1e-3)));
  }

  // 0.2 * 0.5 = 0.1 is the least that stays.
  @Test
  void minPCutsRelativeToTheBest() {
    assertClose(
        new double[] {0, 5 / 8.0, 3 / 8.0, 0},
        frequencies(options(1, 0, 1, 0.2), logOf(0.09, 0.5, 0.3, 0.05)));
  }

  // log 4 / 2 = log 2 for the token that was seen, so 2 : 2 instead of 4 : 2.
  @Test
  void repetitionPenaltyDividesPositiveLogits() {
    SamplingOptions options = new SamplingOptions(1, 0, 1, 0, 2, 3);
    assertClose(new double[] {0.5, 0.5}, frequencies(options, logOf(4, 2), 0, 0));
  }

  // log 1/4 * 2 = log 1/16 for the token that was seen: 1 : 16.
  @Test
  void repetitionPenaltyMultipliesNegativeLogits() {
    SamplingOptions options = new SamplingOptions(1, 0, 1, 0, 2, 3);
    assertClose(new double[] {1 / 17.0, 16 / 17.0}, frequencies(options, logOf(0.25, 1), 0));
  }

  @Test
  void logitsThatAreNoNumbersStillDrawAToken() {
    float[] logits = {1, Float.NaN, 2};
    MemorySegment segment = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, logits);
    for (SamplingOptions options :
        new SamplingOptions[] {
          SamplingOptions.GREEDY, options(1, 0, 1, 0), options(1, 2, 0.9, 0.05)
        }) {
      int token = new Sampler(options, 3).sample(segment, 0, new int[0], 0);
      assertTrue(token >= 0 && token < 3, "token " + token);
    }
  }

  @Test
  void equalSeedsDrawEqualTokens() {
    MemorySegment logits = logOf(0.2, 0.2, 0.2, 0.2, 0.2);
    Sampler a = new Sampler(options(1, 4, 0.9, 0.01), 5);
    Sampler b = new Sampler(options(1, 4, 0.9, 0.01), 5);
    for (int i = 0; i < 100; i++) {
      assertEquals(a.sample(logits, 0, new int[0], 0), b.sample(logits, 0, new int[0], 0));
    }
  }

  @Test
  void optionsOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> options(-1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> options(Double.NaN, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> options(1, -1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> options(1, 0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> options(1, 0, 1, 1.5));
  }
}
