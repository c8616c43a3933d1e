package dev.rap.pruning;

import dev.rap.dqn.DqnTrainer;

/** Is told how a training goes. */
public interface TrainingListener {

  /**
   * The surrogate was fitted.
   *
   * @param masks measured masks that it knows
   * @param leaveOneOutError root mean square error when each is predicted from the others, nats a
   *     token
   */
  default void fitted(int masks, double leaveOneOutError) {}

  /** An episode is over. Its reward is the fall of the loss in nats, so negative as a rule. */
  default void episode(DqnTrainer.Episode episode) {}

  /** {@code masks} of at most {@code allowed} have been measured. */
  default void measured(int masks, int allowed) {}

  /** A round is over. */
  default void round(Round round) {}

  /**
   * What a round came to.
   *
   * @param number counted from 1
   * @param masksMeasured since the beginning
   * @param surrogateError root mean square difference of the surrogate's and the measured loss on
   *     the masks that this round measured, before the surrogate saw them, nats a token; NaN where
   *     it measured none
   * @param gridLoss mean loss of the masks that the agent now chooses on the {@link TrainingGrid},
   *     nats a token: measured, or where that was not allowed any more, as the surrogate sees it
   */
  record Round(int number, int masksMeasured, double surrogateError, double gridLoss) {}
}
