package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PoliciesTest {
  private static final double GONE = Double.NaN;
  // Bytes of an attention sublayer of the three-layer model: 2 * (2 * 384 * 384 + 2 * 384 * 96)
  // weights; of a feed-forward one 2 * 3 * 384 * 1024; KV 2 * 2 * 96 a token and layer.
  private static final long ATTENTION = 737_280;
  private static final long FEED_FORWARD = 2_359_296;
  private static final long KV = 384;

  private static final MemoryModel MEMORY =
      MemoryModel.paper(SyntheticLoss.gqaConfig(3), SyntheticLoss.gqaConfig(3).maskShape(), true);

  // GSI took 2, 4, 5 out and stopped there. At depth 3 the rises were: 0: 3, 1: 0.6, 3: 0.5.
  private static final Profile PROFILE =
      Profiles.of(
          1,
          List.of(
              new GsiRound(2, List.of(2.0, 1.5, 1.1, 1.3, 1.2, 1.4)),
              new GsiRound(4, List.of(2.1, 1.6, GONE, 1.45, 1.2, 1.4)),
              new GsiRound(5, List.of(4.2, 1.8, GONE, 1.7, GONE, 1.3))),
          SyntheticLoss.gqaConfig(3));

  private static String choose(String name, Workload workload, long toFree) {
    MemoryBudget budget = new MemoryBudget(MEMORY.denseBytes(workload) - toFree);
    RetentionMask mask =
        Policies.create(name, MEMORY, Optional.of(PROFILE), 0).choose(workload, budget);
    return mask.toString().replaceAll("RetentionMask\\[|]", "");
  }

  private static final Workload SMALL = new Workload(1, 1);

  @Test
  void bytesOfASublayerAreAsWorkedByHand() {
    assertEquals(ATTENTION + KV, MEMORY.sublayerBytes(SMALL)[2]);
    assertEquals(FEED_FORWARD, MEMORY.sublayerBytes(SMALL)[5]);
  }

  @Test
  void dropsTheLastAttentionFirstThenTheLastFeedForward() {
    assertEquals("####.#", choose("mha-drop", SMALL, 1));
    assertEquals("##.#.#", choose("mha-drop", SMALL, ATTENTION + KV + 1));
    assertEquals(".#.#..", choose("mha-drop", SMALL, 3 * (ATTENTION + KV) + 1));
  }

  @Test
  void dropsTheLastFeedForwardFirstThenTheLastAttention() {
    assertEquals("#####.", choose("ffn-drop", SMALL, 1));
    assertEquals("#.#...", choose("ffn-drop", SMALL, 3 * FEED_FORWARD + 1));
  }

  // Alone they cost 2: 0.1, 4: 0.2, 3: 0.3, 5: 0.4, 1: 0.5, 0: 1.
  @Test
  void oneShotGoesByWhatEachCostsAlone() {
    assertEquals("##.###", choose("one-shot", SMALL, 1));
    assertEquals("##...#", choose("one-shot", SMALL, 2 * (ATTENTION + KV) + 1));
  }

  @Test
  void gsiGoesAsItWasMeasuredAndThenByTheLastRises() {
    assertEquals("##.#..", choose("gsi", SMALL, 2 * (ATTENTION + KV) + 1));
    // 3 rose by 0.5 in the last round, 1 by 0.6, 0 by 3.
    assertEquals("##....", choose("gsi", SMALL, 2 * (ATTENTION + KV) + FEED_FORWARD + 1));
    assertEquals("#.....", choose("gsi", SMALL, 2 * (ATTENTION + KV) + 2 * FEED_FORWARD + 1));
  }

  // A feed-forward frees 3.2 times as much as an attention: rises per attention's bytes are
  // 2: 0.1, 3: 0.3 / 3.2 = 0.094, 4: 0.2. At 32 * 8192 tokens an attention frees 101 MB, 43 times
  // as much as a feed-forward.
  @Test
  void perByteCountsWhatIsFreedHere() {
    assertEquals("###.##", choose("gsi-per-byte", SMALL, 1));
    assertEquals("##.###", choose("gsi-per-byte", new Workload(32, 8192), 1));
  }

  @Test
  void randomOrdersDependOnTheSeed() {
    Workload workload = new Workload(1, 128);
    MemoryBudget budget = new MemoryBudget(MEMORY.denseBytes(workload) / 2);
    RetentionMask one =
        Policies.create("random", MEMORY, Optional.empty(), 1).choose(workload, budget);
    RetentionMask other =
        Policies.create("random", MEMORY, Optional.empty(), 2).choose(workload, budget);
    assertNotEquals(one, other);
  }

  @Test
  void saysWhatIsMissing() {
    assertRefused("there is no policy 'best': choose one of dense, random", "best");
    assertRefused("policy 'gsi' needs the model's profile: make it with", "gsi");
    assertRefused("policy 'dqn' needs the model's profile", "dqn");
    InputException e =
        assertThrows(
            InputException.class, () -> Policies.create("dqn", MEMORY, Optional.of(PROFILE), 0));
    assertTrue(e.getMessage().contains("needs a trained agent"), e.getMessage());
  }

  private static void assertRefused(String begin, String name) {
    InputException e =
        assertThrows(
            InputException.class, () -> Policies.create(name, MEMORY, Optional.empty(), 0));
    assertTrue(e.getMessage().startsWith(begin), e.getMessage());
  }

  @Test
  void budgetTooSmallSpeaksInHumanUnits() {
    BudgetTooSmallException e =
        new BudgetTooSmallException(
            "the smallest mask", 1_234_567_890L, new Workload(8, 2048), new MemoryBudget(950_000));
    assertEquals(
        "the budget allows 950 kB, but the smallest mask needs 1.23 GB for 8 sequences of 2048 tokens: allow more, or ask for fewer sequences or tokens",
        e.getMessage());
  }
}
