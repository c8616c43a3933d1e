package dev.rap.dqn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DqnTrainerTest {

  /**
   * Two rooms. In the first, action 0 leads to the second for nothing and action 1 leaves for 1. In
   * the second only action 0 may be taken, which leaves for 2. With a discount of 0.9 the values
   * are Q(first, 0) = 0.9 * 2 = 1.8, Q(first, 1) = 1, Q(second, 0) = 2.
   */
  private static final class TwoRooms implements Environment {
    private int room;

    @Override
    public int observationSize() {
      return 2;
    }

    @Override
    public int actions() {
      return 2;
    }

    @Override
    public void reset(RandomGenerator random) {
      room = 0;
    }

    @Override
    public void observe(float[] observation) {
      observation[0] = room == 0 ? 1 : 0;
      observation[1] = room == 1 ? 1 : 0;
    }

    @Override
    public void validActions(boolean[] valid) {
      valid[0] = room < 2;
      valid[1] = room == 0;
    }

    @Override
    public double step(int action) {
      assertFalse(done());
      assertTrue(action == 0 || room == 0, "an invalid action was taken");
      int left = room;
      room = left == 0 && action == 0 ? 1 : 2;
      return left == 1 ? 2 : action;
    }

    @Override
    public boolean done() {
      return room == 2;
    }
  }

  private static DqnConfig config(int returnSteps, long seed) {
    return new DqnConfig(
        6000,
        500,
        0.9,
        returnSteps,
        3e-3,
        16,
        1000,
        100,
        1,
        50,
        new DqnConfig.EpsilonSchedule(1, 0.2, 2000),
        seed);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void learnsTheValuesOfASolvedProblem(int returnSteps) {
    DqnTrainer trainer = new DqnTrainer(config(returnSteps, 1), new TwoRooms());
    trainer.train(6000, episode -> {});
    QNetwork network = trainer.network();
    QNetwork.Activations activations = network.newActivations();
    network.forward(new float[] {1, 0}, activations);
    assertEquals(1.8, activations.value(0), 0.05);
    assertEquals(1.0, activations.value(1), 0.05);
    network.forward(new float[] {0, 1}, activations);
    assertEquals(2.0, activations.value(0), 0.05);
  }

  @Test
  void sameSeedGivesTheSameNetwork() {
    float[][] parameters = new float[3][];
    for (int i = 0; i < 3; i++) {
      DqnTrainer trainer = new DqnTrainer(config(1, i == 2 ? 8 : 7), new TwoRooms());
      trainer.train(500, episode -> {});
      parameters[i] = trainer.network().parameters();
    }
    assertArrayEquals(parameters[0], parameters[1]);
    assertFalse(java.util.Arrays.equals(parameters[0], parameters[2]));
  }

  @Test
  void reportsEveryEpisode() {
    List<DqnTrainer.Episode> episodes = new ArrayList<>();
    DqnTrainer trainer = new DqnTrainer(config(1, 1), new TwoRooms());
    trainer.train(300, episodes::add);
    long before = 0;
    for (int i = 0; i < episodes.size(); i++) {
      DqnTrainer.Episode episode = episodes.get(i);
      assertEquals(i + 1, episode.number());
      // The way through the second room takes two steps and is worth 2.
      assertEquals((double) (episode.step() - before), episode.reward());
      assertEquals(episode.step() < 100, Double.isNaN(episode.loss()));
      before = episode.step();
    }
    assertTrue(before == 300 || before == 301, "ended at step " + before);
  }
}
