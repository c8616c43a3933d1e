package dev.rap.pruning;

import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.QNetwork;

/**
 * A trained agent as the profile keeps it.
 *
 * @param config how it was trained, seed included
 * @param network values of removing each sublayer, of an observation by {@link StateEncoder}
 * @param training what the training came to
 */
public record Agent(DqnConfig config, QNetwork network, Training training) {

  /**
   * What a training came to. Losses are means over the {@link TrainingGrid}, nats a token.
   *
   * @param masksMeasured masks that it had measured, beyond those of the profile
   * @param surrogateError root mean square difference of the surrogate's and the measured loss, on
   *     the masks of the last round that measured any and before the surrogate saw them, nats a
   *     token; NaN if none were measured
   * @param gridLoss of the masks that the agent chooses
   * @param gsiGridLoss of GSI's masks
   */
  public record Training(
      int episodes,
      long steps,
      int masksMeasured,
      double surrogateError,
      double gridLoss,
      double gsiGridLoss) {}
}
