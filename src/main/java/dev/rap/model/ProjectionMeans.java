package dev.rap.model;

import java.util.List;

/**
 * The mean input of each output projection over some text: what a dropped unit would have
 * contributed on average.
 *
 * @param inputs by {@link Sublayer#index()}: {@code [H * Dh]} before an attention output, {@code
 *     [F]} before a down projection
 */
public record ProjectionMeans(List<float[]> inputs) {
  public ProjectionMeans {
    inputs = List.copyOf(inputs);
  }

  /** {@return whether these are of a model of {@code config}} */
  public boolean fits(ModelConfig config) {
    if (inputs.size() != 2 * config.layers()) {
      return false;
    }
    for (int i = 0; i < inputs.size(); i++) {
      int expected =
          Sublayer.of(i).kind() == Sublayer.Kind.ATTENTION
              ? config.querySize()
              : config.feedForwardSize();
      if (inputs.get(i).length != expected) {
        return false;
      }
    }
    return true;
  }
}
