package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class LossSurrogateTest {

  // Likeness 0.5, no noise, targets 3 and 0: the inverse of [[1, .5], [.5, 1]] is
  // [[4/3, -2/3], [-2/3, 4/3]], so weights are 4 and -2. Alone each predicts half of itself for
  // the other: errors 3 - 0.5 * 0 and 0 - 0.5 * 3.
  @Test
  void regressionAgreesWithAHandWorkedExample() {
    GaussianRegression regression =
        new GaussianRegression(new double[][] {{}, {0.5}}, 0, new double[] {3, 0});
    assertArrayEquals(new double[] {4, -2}, regression.weights(), 1e-12);
    assertEquals(3, regression.leaveOneOutError(0), 1e-12);
    assertEquals(-1.5, regression.leaveOneOutError(1), 1e-12);
  }

  private static final SyntheticLoss LOSS = new SyntheticLoss(5, 3);
  private static final Profile PROFILE = Profiles.of(LOSS, LOSS.config(), LOSS.memory());

  @Test
  void agreesWithWhatWasMeasured() {
    MeasuredMasks masks = new MeasuredMasks(PROFILE, LOSS.memory(), LOSS);
    LossSurrogate surrogate = masks.surrogate(0);
    assertEquals(PROFILE.denseLoss(), surrogate.loss(new BitSet()), 0.01);
    BitSet gone = new BitSet();
    for (GsiRound round : PROFILE.gsi()) {
      gone.set(round.removed());
      double rise = round.loss() - PROFILE.denseLoss();
      double counted = rise <= 4 ? rise : 4 + Math.log(1 + rise - 4);
      assertEquals(PROFILE.denseLoss() + counted, surrogate.loss(gone), 0.02);
    }
  }

  @Test
  void guessesPairsThatWereNotMeasured() {
    LossSurrogate surrogate = new MeasuredMasks(PROFILE, LOSS.memory(), LOSS).surrogate(0);
    double error = 0;
    double spread = 0;
    List<Double> single = PROFILE.gsi().getFirst().losses();
    for (int i = 2; i < 10; i++) {
      for (int j = 2; j < i; j++) {
        BitSet removed = new BitSet();
        removed.set(i);
        removed.set(j);
        double truth = LOSS.loss(Removal.maskWithout(LOSS.memory(), removed));
        error += Math.pow(surrogate.loss(removed) - truth, 2);
        spread += Math.pow(Math.max(single.get(i), single.get(j)) - truth, 2);
      }
    }
    assertTrue(error < 0.1 * spread, error + " against " + spread);
  }

  @Test
  void measuresEachMaskOnce() {
    SyntheticLoss loss = new SyntheticLoss(5, 3);
    MeasuredMasks masks = new MeasuredMasks(PROFILE, loss.memory(), loss);
    assertEquals(1 + 10 * 11 / 2, masks.known()); // GSI: 10 + 9 + ... + 1, and the dense one
    BitSet removed = new BitSet();
    removed.set(0, 3);
    double first = masks.loss(removed);
    assertEquals(first, masks.loss(removed));
    assertEquals(1, loss.measured());
    assertEquals(List.of(new MeasuredMask(List.of(0, 1, 2), first)), masks.beyondGsi());
  }
}
