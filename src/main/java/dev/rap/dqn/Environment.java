package dev.rap.dqn;

import java.util.random.RandomGenerator;

/** What an agent acts in, one episode after another. */
public interface Environment {

  /** {@return floats of an observation} */
  int observationSize();

  /** {@return how many actions there are, valid now or not} */
  int actions();

  /** Begins an episode, which has at least one step. */
  void reset(RandomGenerator random);

  /**
   * Writes what the agent sees now.
   *
   * @param observation {@code [observationSize]}
   */
  void observe(float[] observation);

  /**
   * Writes which actions may be taken now. At least one may until the episode is done.
   *
   * @param valid {@code [actions]}
   */
  void validActions(boolean[] valid);

  /**
   * Takes a valid action.
   *
   * @return its reward
   */
  double step(int action);

  /** {@return whether the episode is over} */
  boolean done();
}
