package dev.rap.model;

import dev.rap.InputException;
import dev.rap.kernels.RopePairing;

/**
 * The shapes and constants of a decoder.
 *
 * @param name for people
 * @param layers decoder layers, L
 * @param hiddenSize D
 * @param queryHeads H
 * @param kvHeads K, a divisor of H
 * @param headSize Dh, even
 * @param feedForwardSize F
 * @param vocabularySize V
 * @param contextLength most tokens of a sequence that the model was made for
 * @param rmsEps added to the mean square in RMSNorm
 * @param ropeTheta base of the RoPE frequencies
 * @param architecture what tells it from other decoders of this shape
 */
public record ModelConfig(
    String name,
    int layers,
    int hiddenSize,
    int queryHeads,
    int kvHeads,
    int headSize,
    int feedForwardSize,
    int vocabularySize,
    int contextLength,
    float rmsEps,
    double ropeTheta,
    RopeScaling ropeScaling,
    RopePairing ropePairing,
    Architecture architecture) {

  public ModelConfig {
    positive("layers", layers);
    positive("hiddenSize", hiddenSize);
    positive("queryHeads", queryHeads);
    positive("kvHeads", kvHeads);
    positive("headSize", headSize);
    positive("feedForwardSize", feedForwardSize);
    positive("vocabularySize", vocabularySize);
    positive("contextLength", contextLength);
    if (queryHeads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "queryHeads must be a multiple of kvHeads, were %d and %d"
              .formatted(queryHeads, kvHeads));
    }
    if (headSize % 2 != 0) {
      throw new IllegalArgumentException("headSize must be even, was " + headSize);
    }
    if (!(rmsEps > 0 && rmsEps < 1) || !(ropeTheta > 0 && Double.isFinite(ropeTheta))) {
      throw new IllegalArgumentException(
          "need 0 < rmsEps < 1 and a positive ropeTheta, were %s and %s"
              .formatted(rmsEps, ropeTheta));
    }
    int rotarySize = architecture.rotarySize();
    if (rotarySize % 2 != 0 || rotarySize < 2 || rotarySize > headSize) {
      throw new IllegalArgumentException(
          "rotarySize must be even and 2 to %d, was %d".formatted(headSize, rotarySize));
    }
    if (architecture.layers().size() != layers) {
      throw new IllegalArgumentException(
          "the architecture must have %d layers, had %d"
              .formatted(layers, architecture.layers().size()));
    }
  }

  /** A Llama. */
  public ModelConfig(
      String name,
      int layers,
      int hiddenSize,
      int queryHeads,
      int kvHeads,
      int headSize,
      int feedForwardSize,
      int vocabularySize,
      int contextLength,
      float rmsEps,
      double ropeTheta,
      RopeScaling ropeScaling,
      RopePairing ropePairing) {
    this(
        name,
        layers,
        hiddenSize,
        queryHeads,
        kvHeads,
        headSize,
        feedForwardSize,
        vocabularySize,
        contextLength,
        rmsEps,
        ropeTheta,
        ropeScaling,
        ropePairing,
        Architecture.llama(layers, headSize));
  }

  private static void positive(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + " must be positive, was " + value);
    }
  }

  /**
   * Refuses tokens that the model has no embedding for.
   *
   * @param what the tokens are, for people
   * @throws InputException if one is out of range
   */
  public void requireTokens(String what, int[] tokens) {
    for (int token : tokens) {
      if (token < 0 || token >= vocabularySize) {
        throw new InputException(
            "%s has token %d, but the model knows %d: its tokenizer is another model's, use the one that belongs to it"
                .formatted(what, token, vocabularySize));
      }
    }
  }

  /** {@return query heads that share one KV head, H / K} */
  public int queryHeadsPerGroup() {
    return queryHeads / kvHeads;
  }

  /** {@return columns of all query heads, H * Dh} */
  public int querySize() {
    return Math.multiplyExact(queryHeads, headSize);
  }

  /** {@return columns of all KV heads, K * Dh} */
  public int kvSize() {
    return Math.multiplyExact(kvHeads, headSize);
  }

  /** {@return columns of the output projection of a sublayer: querySize or feedForwardSize} */
  public int projectionInputSize(Sublayer.Kind kind) {
    return kind == Sublayer.Kind.ATTENTION ? querySize() : feedForwardSize;
  }

  /** {@return the units of pruning, with channel blocks of {@code channelBlockSize}} */
  public MaskShape maskShape(int channelBlockSize) {
    return new MaskShape(layers, kvHeads, feedForwardSize, channelBlockSize);
  }

  /** {@return the units of pruning, with channel blocks of the default size} */
  public MaskShape maskShape() {
    return maskShape(MaskShape.DEFAULT_CHANNEL_BLOCK_SIZE);
  }
}
