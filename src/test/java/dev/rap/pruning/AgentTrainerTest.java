package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.DqnTrainer;
import dev.rap.memory.MemoryModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AgentTrainerTest {
  private static final SyntheticLoss LOSS = new SyntheticLoss(6, 1);
  private static final MemoryModel MEMORY = LOSS.memory();
  private static final Profile PROFILE = Profiles.of(LOSS, LOSS.config(), MEMORY);

  private static TrainingPlan plan(int steps, int masks, long seed) {
    return new TrainingPlan(
        new DqnConfig(
            steps,
            6000,
            1,
            1,
            3e-3,
            32,
            20_000,
            500,
            2,
            300,
            new DqnConfig.EpsilonSchedule(1, 0.05, steps / 2),
            seed),
        2,
        masks);
  }

  private static double gridLoss(PruningPolicy policy, double share) {
    return TrainingGrid.questions(MEMORY).stream()
        .filter(question -> question.share() == share)
        .mapToDouble(question -> LOSS.loss(policy.choose(question.workload(), question.budget())))
        .average()
        .orElseThrow();
  }

  @Test
  void agentIsNoWorseThanGsi() {
    Profile trained =
        new AgentTrainer(MEMORY, PROFILE, LOSS, plan(20_000, 80, 1))
            .train(new TrainingListener() {});
    PruningPolicy dqn = Policies.create("dqn", MEMORY, Optional.of(trained), 0);
    PruningPolicy gsi = Policies.create("gsi", MEMORY, Optional.of(trained), 0);
    for (double share : List.of(0.8, 0.6)) {
      assertTrue(
          gridLoss(dqn, share) <= gridLoss(gsi, share),
          share + ": " + gridLoss(dqn, share) + " against " + gridLoss(gsi, share));
    }
    Agent.Training training = trained.agent().orElseThrow().training();
    double all =
        TrainingGrid.SHARES.stream().mapToDouble(s -> gridLoss(gsi, s)).average().orElse(0);
    assertEquals(all, training.gsiGridLoss(), 1e-9);
    assertTrue(training.gridLoss() < training.gsiGridLoss());
  }

  @Test
  void sameSeedGivesTheSameAgentAndKeepsToTheAllowance() {
    Profile[] trained = new Profile[2];
    for (int i = 0; i < 2; i++) {
      SyntheticLoss loss = new SyntheticLoss(6, 1);
      trained[i] =
          new AgentTrainer(MEMORY, PROFILE, loss, plan(2000, 30, 5))
              .train(new TrainingListener() {});
      assertTrue(loss.measured() > 0 && loss.measured() <= 30, loss.measured() + " measured");
      assertEquals(loss.measured(), trained[i].measured().size());
    }
    assertEquals(trained[0].measured(), trained[1].measured());
    assertArrayEquals(
        trained[0].agent().orElseThrow().network().parameters(),
        trained[1].agent().orElseThrow().network().parameters());
    assertEquals(PROFILE.digest(), trained[0].digest());
  }

  @Test
  void tellsHowItGoes() {
    List<TrainingListener.Round> rounds = new ArrayList<>();
    List<Integer> known = new ArrayList<>();
    List<Integer> measured = new ArrayList<>();
    long[] steps = new long[1];
    new AgentTrainer(MEMORY, PROFILE, LOSS, plan(2000, 30, 2))
        .train(
            new TrainingListener() {
              @Override
              public void fitted(int masks, double leaveOneOutError) {
                known.add(masks);
                assertTrue(leaveOneOutError > 0);
              }

              @Override
              public void episode(DqnTrainer.Episode episode) {
                steps[0] = episode.step();
              }

              @Override
              public void measured(int masks, int allowed) {
                measured.add(masks);
                assertEquals(30, allowed);
              }

              @Override
              public void round(Round round) {
                rounds.add(round);
              }
            });
    assertEquals(2, rounds.size());
    int first = rounds.getFirst().masksMeasured();
    assertTrue(first > 0 && first <= 10, first + " measured in the first of two rounds");
    assertEquals(1 + 12 * 13 / 2, known.getFirst());
    assertEquals(known.getFirst() + first, known.get(1));
    assertEquals(rounds.getLast().masksMeasured(), measured.getLast());
    assertTrue(steps[0] >= 2000);
  }
}
