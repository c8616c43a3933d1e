package dev.rap.dqn;

/**
 * Hyperparameters of a DQN, after Mnih et al. 2015, extended data table 1 (there: discount factor,
 * minibatch size, replay memory size, replay start size, update frequency, target network update
 * frequency).
 *
 * @param steps environment steps of the whole training
 * @param networkParameters weights and biases that the Q-network comes closest to
 * @param discount of future reward, gamma; 1 where every episode ends
 * @param returnSteps rewards of a return before the rest is estimated, n
 * @param learningRate of Adam at the start; it falls linearly to a tenth over {@code steps}
 * @param batchSize transitions of one gradient step
 * @param replayCapacity transitions kept
 * @param learningStarts transitions collected before the first gradient step
 * @param learningInterval environment steps between gradient steps
 * @param targetUpdateInterval environment steps between copies into the target network (Mnih et al.
 *     count gradient steps)
 * @param epsilon the exploration schedule
 * @param seed of every random choice the agent makes
 */
public record DqnConfig(
    int steps,
    int networkParameters,
    double discount,
    int returnSteps,
    double learningRate,
    int batchSize,
    int replayCapacity,
    int learningStarts,
    int learningInterval,
    int targetUpdateInterval,
    EpsilonSchedule epsilon,
    long seed) {

  public DqnConfig {
    positive("steps", steps);
    positive("networkParameters", networkParameters);
    positive("returnSteps", returnSteps);
    positive("learningInterval", learningInterval);
    positive("targetUpdateInterval", targetUpdateInterval);
    if (!(discount >= 0 && discount <= 1)) { // also refuses NaN
      throw new IllegalArgumentException("discount must be in [0, 1], was " + discount);
    }
    if (!(learningRate > 0 && learningRate <= 1)) {
      throw new IllegalArgumentException("learningRate must be in (0, 1], was " + learningRate);
    }
    if (batchSize < 1 || batchSize > learningStarts || learningStarts > replayCapacity) {
      throw new IllegalArgumentException(
          "need 1 <= batchSize <= learningStarts <= replayCapacity, were %d, %d, %d"
              .formatted(batchSize, learningStarts, replayCapacity));
    }
  }

  private static void positive(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + " must be positive, was " + value);
    }
  }

  /**
   * Exploration rate falling linearly from {@code start} to {@code end}, then staying there.
   *
   * @param steps environment steps of the fall
   */
  public record EpsilonSchedule(double start, double end, int steps) {
    public EpsilonSchedule {
      if (!(0 <= end && end <= start && start <= 1) || steps < 1) {
        throw new IllegalArgumentException(
            "need 0 <= end <= start <= 1 and steps >= 1, were %s, %s, %d"
                .formatted(end, start, steps));
      }
    }

    /** {@return the exploration rate at environment step {@code step}} */
    public double at(long step) {
      return step >= steps ? end : start + (end - start) * step / steps;
    }
  }

  /** {@return the learning rate at environment step {@code step}} */
  double learningRateAt(long step) {
    return learningRate * (1 - 0.9 * Math.min(step, steps) / steps);
  }
}
