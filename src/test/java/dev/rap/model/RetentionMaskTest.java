package dev.rap.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.BitSet;
import org.junit.jupiter.api.Test;

class RetentionMaskTest {
  private static final RetentionMask DENSE = RetentionMask.dense(new MaskShape(2, 4, 96, 32));

  private static RetentionMask feedForward(int... blocks) {
    BitSet units = new BitSet();
    for (int block : blocks) {
      units.set(block);
    }
    return DENSE.with(Sublayer.of(1), units);
  }

  @Test
  void twoMasksHaveInCommonWhatBothRetainAndTogetherWhatEitherDoes() {
    RetentionMask one = feedForward(0, 1).without(Sublayer.of(2));
    RetentionMask other = feedForward(1, 2);
    assertEquals(feedForward(1).without(Sublayer.of(2)), one.intersect(other));
    assertEquals(DENSE, one.union(other));
  }

  @Test
  void masksOfTwoShapesAreRefused() {
    RetentionMask other = RetentionMask.dense(new MaskShape(2, 4, 96, 64));
    assertThrows(IllegalArgumentException.class, () -> DENSE.intersect(other));
    assertThrows(IllegalArgumentException.class, () -> DENSE.union(other));
  }
}
