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
}
