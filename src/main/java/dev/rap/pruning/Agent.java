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
   * What a training came to. The grid is {@link TrainingGrid}'s.
   *
   * @param masksMeasured masks that the training had measured, beyond those of the profile
   * @param surrogateError root mean square difference of the surrogate's and the measured loss, on
   *     the masks of the last round that had any and that the surrogate had not seen, nats a token
   * @param gridLoss mean measured loss of the masks that the agent chooses on the grid, nats a
   *     token
   * @param gsiGridLoss the same of GSI's masks
   */
  public record Training(
      int episodes,
      long steps,
      int masksMeasured,
      double surrogateError,
      double gridLoss,
      double gsiGridLoss) {}
}
