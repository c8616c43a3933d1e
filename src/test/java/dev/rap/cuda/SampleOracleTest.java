package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.cuda.SampleOracle.Draw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** Draws from four tokens of known shares. */
class SampleOracleTest {
  // Shares of 0.1, 0.4, 0.3, 0.2: by rank, tokens 1, 2, 3, 0.
  private static final float[] LOGITS = logOf(0.1, 0.4, 0.3, 0.2);

  private static float[] logOf(double... shares) {
    float[] logits = new float[shares.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(shares[i]);
    }
    return logits;
  }

  private static void assertDrawn(int token, int topK, double topP, double minP, double uniform) {
    Draw draw = new Draw(1, topK, (float) topP, (float) minP, uniform);
    assertEquals(token, SampleOracle.draw(LOGITS, draw), draw.toString());
  }

  @Test
  void tokensGoByIndexWhereAllStay() {
    assertDrawn(0, 0, 1, 0, 0.09);
    assertDrawn(1, 0, 1, 0, 0.11);
    assertDrawn(1, 0, 1, 0, 0.49);
    assertDrawn(2, 0, 1, 0, 0.51);
    assertDrawn(3, 0, 1, 0, 0.81);
  }

  // 4 : 3 of 7.
  @Test
  void topKKeepsTheBestByRank() {
    assertDrawn(1, 2, 1, 0, 0.57);
    assertDrawn(2, 2, 1, 0, 0.58);
    assertDrawn(0, 9, 1, 0, 0.95);
  }

  // 0.4 falls short of 0.6, 0.7 reaches it; of the three best, 0.4 of 0.9 falls short of 0.5.
  @Test
  void topPKeepsTheFewestThatReachItOfWhatTopKLeft() {
    assertDrawn(2, 0, 0.6, 0, 0.99);
    assertDrawn(3, 0, 0.8, 0, 0.99);
    assertDrawn(2, 3, 0.5, 0, 0.99);
    assertDrawn(1, 3, 0.4, 0, 0.99);
  }

  // 0.3 is three quarters of 0.4, 0.2 a half, 0.1 a quarter.
  @Test
  void minPIsRelativeToTheBest() {
    assertDrawn(2, 0, 1, 0.7, 0.99);
    assertDrawn(3, 0, 1, 0.4, 0.99);
    assertDrawn(1, 0, 1, 1, 0.99);
  }

  // 16 : 9 : 4 : 1 of 30.
  @Test
  void halfTheTemperatureSquaresTheShares() {
    assertEquals(1, SampleOracle.draw(LOGITS, new Draw(0.5f, 4, 1, 0, 0.53)));
    assertEquals(2, SampleOracle.draw(LOGITS, new Draw(0.5f, 4, 1, 0, 0.54)));
  }

  @Test
  void tiesGoByIndex() {
    float[] logits = {0, 1, 1, 1};
    assertEquals(1, SampleOracle.draw(logits, new Draw(1, 2, 1, 0, 0.49)));
    assertEquals(2, SampleOracle.draw(logits, new Draw(1, 2, 1, 0, 0.51)));
  }

  @Test
  void theBestIsTakenWhereTheTemperatureIsZeroOrALogitIsNan() {
    assertEquals(1, SampleOracle.draw(LOGITS, new Draw(0, 0, 1, 0, 0.99)));
    assertEquals(2, SampleOracle.draw(new float[] {0, Float.NaN, 1}, new Draw(1, 0, 1, 0, 0.1)));
  }

  @Test
  void drawsGoThroughMemory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment draws = arena.allocate(2 * SampleOracle.DRAW_BYTES, 8);
      Draw draw = new Draw(0.5f, 7, 0.25f, 0.125f, 0.1);
      draw.write(draws, 1);
      assertEquals(draw, Draw.read(draws, 1));
    }
  }
}
