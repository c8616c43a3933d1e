package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.QNetwork;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every policy must do. */
class PolicyContractTest {
  private static final SyntheticLoss LOSS = new SyntheticLoss(6, 1);
  private static final MemoryModel MEMORY = LOSS.memory();
  private static final Profile PROFILE = withAnyAgent(Profiles.of(LOSS, LOSS.config(), MEMORY));
  private static final List<Workload> WORKLOADS =
      List.of(new Workload(1, 128), new Workload(8, 2048), new Workload(32, 8192));

  /** The contract holds for an agent that has learnt nothing too. */
  private static Profile withAnyAgent(Profile profile) {
    QNetwork network = QNetwork.random(StateEncoder.size(12), 12, 2000, new SplittableRandom(5));
    DqnConfig config =
        new DqnConfig(
            1, 2000, 1, 1, 1e-3, 1, 1, 1, 1, 1, new DqnConfig.EpsilonSchedule(1, 0, 1), 0);
    return profile.withAgent(
        new Agent(config, network, new Agent.Training(0, 0, 0, Double.NaN, 0, 0)), List.of());
  }

  static List<String> names() {
    return Policies.names();
  }

  static List<String> pruningNames() {
    return Policies.names().stream().filter(name -> !name.equals("dense")).toList();
  }

  private static PruningPolicy create(String name, long seed) {
    return Policies.create(name, MEMORY, Optional.of(PROFILE), seed);
  }

  @ParameterizedTest
  @MethodSource("names")
  void isKnownByItsName(String name) {
    assertEquals(name, create(name, 1).name());
  }

  @ParameterizedTest
  @MethodSource("names")
  void keepsEverythingWhereEverythingFits(String name) {
    for (Workload workload : WORKLOADS) {
      MemoryBudget budget = new MemoryBudget(MEMORY.denseBytes(workload));
      assertTrue(create(name, 1).choose(workload, budget).isDense());
    }
  }

  @ParameterizedTest
  @MethodSource("pruningNames")
  void fitsEasyAndHardBudgets(String name) {
    for (Workload workload : WORKLOADS) {
      long smallest = MEMORY.smallestBytes(workload);
      long dense = MEMORY.denseBytes(workload);
      for (long bytes : new long[] {dense - 1, dense / 2, smallest + 1, smallest}) {
        RetentionMask mask = create(name, 1).choose(workload, new MemoryBudget(bytes));
        assertTrue(MEMORY.bytes(mask, workload) <= bytes);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("pruningNames")
  void answersTheSameQuestionTheSameWay(String name) {
    Workload workload = new Workload(8, 2048);
    MemoryBudget budget = new MemoryBudget(MEMORY.denseBytes(workload) / 2);
    PruningPolicy policy = create(name, 3);
    RetentionMask mask = policy.choose(workload, budget);
    assertEquals(mask, policy.choose(workload, budget));
    assertEquals(mask, create(name, 3).choose(workload, budget));
  }

  @ParameterizedTest
  @MethodSource("names")
  void saysWhatTheSmallestNeeds(String name) {
    Workload workload = new Workload(8, 2048);
    long smallest =
        name.equals("dense") ? MEMORY.denseBytes(workload) : MEMORY.smallestBytes(workload);
    MemoryBudget budget = new MemoryBudget(smallest - 1);
    BudgetTooSmallException e =
        assertThrows(BudgetTooSmallException.class, () -> create(name, 1).choose(workload, budget));
    assertEquals(smallest, e.neededBytes());
    assertEquals(smallest - 1, e.allowedBytes());
  }
}
