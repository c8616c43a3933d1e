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
  public TrainingPlan {
    if (rounds < 1 || masks < 0) {
      throw new IllegalArgumentException(
          "need rounds >= 1 and masks >= 0, were %d and %d".formatted(rounds, masks));
    }
  }

  /**
   * {@return the plan where nobody asks for another}
   *
   * <p>An episode of a model with more sublayers is longer, so there are more steps, returns of
   * more rewards, a slower target and a smaller learning rate. Exploration begins at 0.3: most
   * random sets of removals are far worse than any that matters, and teach little.
   *
   * @param sublayers of the model, 2L
   * @param masks most masks to measure
   */
  public static TrainingPlan standard(int sublayers, int masks, long seed) {
    double longer = Math.max(1, sublayers / 20.0);
    int steps = (int) (100_000 * longer);
    DqnConfig dqn =
        new DqnConfig(
            steps,
            18_000,
            1,
            (int) longer,
            3e-3 / longer,
            64,
            50_000,
            1000,
            4,
            (int) (500 * longer),
            new DqnConfig.EpsilonSchedule(0.3, 0.01, steps / 2),
            seed);
    return new TrainingPlan(dqn, 5, masks);
  }
}
