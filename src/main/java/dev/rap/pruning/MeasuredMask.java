package dev.rap.pruning;

import java.util.List;

/**
 * What leaving out some sublayers was measured to cost.
 *
 * @param removed their indices, ascending
 * @param loss mean loss on the calibration text, nats a token
 */
public record MeasuredMask(List<Integer> removed, double loss) {

  public MeasuredMask {
    removed = List.copyOf(removed);
    for (int i = 0; i < removed.size(); i++) {
      if (removed.get(i) < (i == 0 ? 0 : removed.get(i - 1) + 1)) {
        throw new IllegalArgumentException("removed must ascend from 0 or more, was " + removed);
      }
    }
    if (!Double.isFinite(loss)) {
      throw new IllegalArgumentException("loss must be finite, was " + loss);
    }
  }
}
