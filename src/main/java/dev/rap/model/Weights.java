package dev.rap.model;

import dev.rap.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * All parameters of a decoder. The tensors belong to the {@link Checkpoint} that they came from.
 *
 * @param embedding {@code [V, D]}
 * @param outputNorm F32 {@code [1, D]}
 * @param output {@code [V, D]}; the same tensor as {@code embedding} where they are tied
 */
public record Weights(
    ModelConfig config, Tensor embedding, Tensor outputNorm, Tensor output, List<Layer> layers) {

  public Weights {
    layers = List.copyOf(layers);
  }

  /**
   * A matrix and what is added after it.
   *
   * @param matrix {@code [outputs, inputs]}
   * @param bias F32 {@code [1, outputs]}
   */
  public record Projection(Tensor matrix, Optional<Tensor> bias) {}

  /**
   * One decoder layer.
   *
   * @param attentionNorm F32 {@code [1, D]}
   * @param query {@code [H * Dh, D]}
   * @param key {@code [K * Dh, D]}
   * @param value {@code [K * Dh, D]}
   * @param attentionOutput {@code [D, H * Dh]}
   * @param feedForwardNorm F32 {@code [1, D]}
   * @param gate {@code [F, D]}
   * @param up {@code [F, D]}
   * @param down {@code [D, F]}
   * @param queryNorm of each query head, F32 {@code [1, Dh]}
   * @param keyNorm of each key head, F32 {@code [1, Dh]}
   * @param attentionPostNorm of what attention adds to the hidden state, F32 {@code [1, D]}
   * @param feedForwardPostNorm of what feed-forward adds, F32 {@code [1, D]}
   */
  public record Layer(
      Tensor attentionNorm,
      Projection query,
      Projection key,
      Projection value,
      Projection attentionOutput,
      Tensor feedForwardNorm,
      Projection gate,
      Projection up,
      Projection down,
      Optional<Tensor> queryNorm,
      Optional<Tensor> keyNorm,
      Optional<Tensor> attentionPostNorm,
      Optional<Tensor> feedForwardPostNorm) {

    /** {@return the projection that a sublayer ends with} */
    public Projection output(Sublayer.Kind kind) {
      return kind == Sublayer.Kind.ATTENTION ? attentionOutput : down;
    }

    /** {@return the norm of what a sublayer adds to the hidden state} */
    public Optional<Tensor> postNorm(Sublayer.Kind kind) {
      return kind == Sublayer.Kind.ATTENTION ? attentionPostNorm : feedForwardPostNorm;
    }

    /** {@return all norms} */
    public List<Tensor> norms() {
      Stream<Tensor> always = Stream.of(attentionNorm, feedForwardNorm);
      Stream<Tensor> some =
          Stream.of(queryNorm, keyNorm, attentionPostNorm, feedForwardPostNorm)
              .flatMap(Optional::stream);
      return Stream.concat(always, some).toList();
    }

    /** {@return all of a sublayer, that which it ends with last} */
    public List<Projection> projections(Sublayer.Kind kind) {
      return kind == Sublayer.Kind.ATTENTION
          ? List.of(query, key, value, attentionOutput)
          : List.of(gate, up, down);
    }
  }

  /** {@return whether the output projection is the embedding table} */
  public boolean tied() {
    return output.equals(embedding);
  }
}
