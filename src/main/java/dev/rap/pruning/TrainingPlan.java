package dev.rap.pruning;

import dev.rap.dqn.DqnConfig;

/**
 * How an agent is trained.
 *
 * @param dqn its hyperparameters; its steps are those of all rounds together
 * @param rounds of training on the surrogate, measuring what the agent then chooses, and fitting
 *     the surrogate anew
 * @param masks most masks to measure, beyond those of the profile
 */
public record TrainingPlan(DqnConfig dqn, int rounds, int masks) {
  private static final int AGENT_PARAMETERS = 18_000; // the paper's

  public TrainingPlan {
    if (rounds < 1 || masks < 0) {
      throw new IllegalArgumentException(
          "need rounds >= 1 and masks >= 0, were %d and %d".formatted(rounds, masks));
    }
  }

  /**
   * {@return the plan for a model of {@code sublayers} sublayers}
   *
   * <p>Steps, learning rate and target interval were chosen on synthetic losses of 24 and 60
   * sublayers, not on a model's.
   *
   * @param masks most masks to measure
   * @param seed of every random choice
   */
  public static TrainingPlan standard(int sublayers, int masks, long seed) {
    boolean small = sublayers <= 32;
    int steps = small ? 150_000 : 300_000;
    return new TrainingPlan(
        new DqnConfig(
            steps,
            AGENT_PARAMETERS,
            1,
            small ? 2e-3 : 1e-3,
            64,
            50_000,
            1_000,
            4,
            1_000,
            new DqnConfig.EpsilonSchedule(1, 0.01, steps * 3 / 10),
            seed),
        5,
        masks);
  }
}
