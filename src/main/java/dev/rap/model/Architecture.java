package dev.rap.model;

import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import java.util.Collections;
import java.util.List;

/**
 * What tells one decoder from another of the same shape: all that {@link ForwardPass} needs to know
 * of a family of models beside the parameters that are there.
 *
 * @param family for people
 * @param activation of the feed-forward gate
 * @param embeddingScale what embeddings are multiplied by; 1: nothing
 * @param queryScale what products of query and key are multiplied by
 * @param scoreCap soft bound of attention scores; 0: none
 * @param logitCap soft bound of logits; 0: none
 * @param rotarySize elements of a head that RoPE turns, the first ones; even
 * @param localRopeTheta base of the RoPE frequencies where {@link Rope#LOCAL} says so; 0 if nowhere
 * @param layers what differs from layer to layer
 */
public record Architecture(
    String family,
    Activation activation,
    float embeddingScale,
    float queryScale,
    float scoreCap,
    float logitCap,
    int rotarySize,
    double localRopeTheta,
    List<LayerAttention> layers) {

  /** How a layer tells positions apart. */
  public enum Rope {
    /** By the model's RoPE. */
    GLOBAL,
    /** By unscaled RoPE of {@link Architecture#localRopeTheta}. */
    LOCAL,
    /** Not at all. */
    NONE
  }

  /**
   * Attention of one layer.
   *
   * @param window most positions that a token sees, its own included, or {@link
   *     AttentionRule#UNBOUNDED}
   */
  public record LayerAttention(int window, Rope rope) {
    /** Attention to all earlier positions. */
    public static final LayerAttention FULL =
        new LayerAttention(AttentionRule.UNBOUNDED, Rope.GLOBAL);
  }

  public Architecture {
    layers = List.copyOf(layers);
    if (!(localRopeTheta >= 0 && Double.isFinite(localRopeTheta))) {
      throw new IllegalArgumentException("localRopeTheta must be positive, was " + localRopeTheta);
    }
    requirePositive("embeddingScale", embeddingScale);
    if (!(logitCap >= 0 && Float.isFinite(logitCap))) {
      throw new IllegalArgumentException("logitCap must not be negative, was " + logitCap);
    }
    for (LayerAttention layer : layers) {
      new AttentionRule(queryScale, scoreCap, layer.window()); // refuses what is no rule
      if (layer.rope() == Rope.LOCAL) {
        requirePositive("localRopeTheta", localRopeTheta);
      }
    }
  }

  private static void requirePositive(String what, double value) {
    if (!(value > 0 && Double.isFinite(value))) {
      throw new IllegalArgumentException(what + " must be positive, was " + value);
    }
  }

  /** {@return what the first Llama was, and most later models are} */
  public static Architecture llama(int layers, int headSize) {
    return new Architecture(
        "Llama",
        Activation.SILU,
        1,
        AttentionRule.plain(headSize).scale(),
        0,
        0,
        headSize,
        0,
        Collections.nCopies(layers, LayerAttention.FULL));
  }

  /** {@return how a layer's attention scores positions} */
  public AttentionRule rule(int layer) {
    return new AttentionRule(queryScale, scoreCap, layers.get(layer).window());
  }

  /** {@return whether some layer rotates by {@link #localRopeTheta}} */
  public boolean hasLocalRope() {
    return layers.stream().anyMatch(layer -> layer.rope() == Rope.LOCAL);
  }
}
