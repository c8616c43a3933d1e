package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PruningEnvironmentTest {

  @Test
  void returnIsTheFallOfTheLoss() {
    SyntheticLoss loss = new SyntheticLoss(5, 3);
    MemoryModel memory = loss.memory();
    Profile profile = Profiles.of(loss, loss.config(), memory);
    LossSurrogate surrogate = new MeasuredMasks(profile, memory, loss).surrogate(0);
    PruningEnvironment environment =
        new PruningEnvironment(memory, new StateEncoder(new Importances(profile)), surrogate);
    SplittableRandom random = new SplittableRandom(1);
    for (int episode = 0; episode < 20; episode++) {
      environment.reset(random);
      BitSet removed = new BitSet();
      double reward = 0;
      while (!environment.done()) {
        boolean[] valid = new boolean[environment.actions()];
        environment.validActions(valid);
        int action = random.nextInt(10);
        if (valid[action]) {
          reward += environment.step(action);
          removed.set(action);
        }
      }
      assertEquals(surrogate.loss(new BitSet()) - surrogate.loss(removed), reward, 1e-9);
      assertTrue(!removed.isEmpty());
    }
  }

  // Three layers, 8 sequences of 2048 tokens: attention 737,280 + 384 * 16,384 = 7,028,736 bytes,
  // feed-forward 2,359,296. Weights: 2 * (4096 * 384 + 7 * 384) fixed + 3 * (737,280 + 2,359,296)
  // = 12,440,832; KV 18,874,368. Of the dense 31,315,200 the budget is to free 12,000,000.
  @Test
  void observationIsAsWorkedByHand() {
    Profile profile =
        Profiles.of(
            1,
            List.of(
                new GsiRound(2, List.of(2.0, 1.5, 1.1, 1.3, 1.2, 1.4)),
                new GsiRound(4, List.of(2.1, 1.6, Double.NaN, 1.45, 1.2, 1.4))),
            SyntheticLoss.gqaConfig(3));
    MemoryModel memory =
        MemoryModel.paper(SyntheticLoss.gqaConfig(3), SyntheticLoss.gqaConfig(3).maskShape(), true);
    Workload workload = new Workload(8, 2048);
    assertEquals(31_315_200, memory.denseBytes(workload));
    Removal removal = new Removal(memory, workload, new MemoryBudget(31_315_200 - 12_000_000));
    removal.remove(2);
    StateEncoder encoder = new StateEncoder(new Importances(profile));
    float[] observation = new float[encoder.size()];
    encoder.encode(removal, observation);
    // 4,971,264 bytes are left to free: 1 attention or 3 feed-forward sublayers.
    assertArrayEquals(
        new float[] {
          3f / 8,
          11f / 16,
          19_315_200f / 31_315_200,
          12_440_832f / 31_315_200,
          4_971_264f / 31_315_200,
          1f / 3,
          1,
          1,
          1,
          0,
          1,
          1,
          1,
          squashed(1.0),
          squashed(0.5),
          0,
          squashed(0.35),
          squashed(0.1),
          squashed(0.3)
        },
        observation,
        1e-6f);
  }

  // After one removal the rises are those of GSI's second round, over its loss of 1.1.
  private static float squashed(double rise) {
    return (float) (Math.log(1 + rise / 0.02) / 5);
  }
}
