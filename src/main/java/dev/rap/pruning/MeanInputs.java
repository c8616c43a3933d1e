package dev.rap.pruning;

import dev.rap.model.ModelConfig;
import dev.rap.model.Sublayer;
import java.util.Arrays;

/**
 * The mean input of each sublayer's output projection over the calibration text: {@code
 * [querySize]} of an attention, {@code [feedForwardSize]} of a feed-forward sublayer. What a
 * removed sublayer added to the residual stream on average is that projection of it.
 *
 * <p>Immutable.
 */
public final class MeanInputs {
  private final float[][] means; // [sublayers][inputs]

  /**
   * @param means by sublayer index, copied
   */
  public MeanInputs(float[][] means) {
    this.means = new float[means.length][];
    for (int i = 0; i < means.length; i++) {
      this.means[i] = means[i].clone();
      for (float mean : means[i]) {
        if (!Float.isFinite(mean)) {
          throw new IllegalArgumentException(
              "the mean input of %s must be finite".formatted(Sublayer.of(i)));
        }
      }
      if (means[i].length == 0 || means[i].length != means[i % 2].length) {
        throw new IllegalArgumentException(
            "the mean input of %s has %d values, that of %s %d"
                .formatted(
                    Sublayer.of(i), means[i].length, Sublayer.of(i % 2), means[i % 2].length));
      }
    }
  }

  /** {@return for how many sublayers} */
  public int sublayers() {
    return means.length;
  }

  /** {@return a copy of the mean input of {@code sublayer}'s output projection} */
  public float[] of(Sublayer sublayer) {
    return means[sublayer.index()].clone();
  }

  /** {@return whether these are means of such a model} */
  boolean fit(ModelConfig config) {
    return means.length == 2 * config.layers()
        && means[0].length == config.querySize()
        && means[1].length == config.feedForwardSize();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MeanInputs that && Arrays.deepEquals(means, that.means);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(means);
  }
}
