package dev.rap.pruning;

import java.util.List;

/**
 * One round of Greedy Sequential Importance: every sublayer still there is taken out in turn, and
 * the one that is missed least goes for good.
 *
 * @param removed index of the sublayer that went
 * @param losses mean loss with this sublayer out as well, nats a token, by sublayer index; NaN
 *     where it had gone before
 * @see <a href="https://arxiv.org/abs/2505.17138">RAP</a>
 */
public record GsiRound(int removed, List<Double> losses) {

  public GsiRound {
    losses = List.copyOf(losses);
    if (removed < 0 || removed >= losses.size() || losses.get(removed).isNaN()) {
      throw new IllegalArgumentException(
          "removed must be one of the %d sublayers that has a loss, was %d"
              .formatted(losses.size(), removed));
    }
    if (losses.stream().anyMatch(loss -> loss.isInfinite())) {
      throw new IllegalArgumentException("losses must be finite");
    }
  }

  /** {@return the loss after this round} */
  public double loss() {
    return losses.get(removed);
  }
}
