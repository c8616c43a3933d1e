package dev.rap.model;

/**
 * How many units of pruning a model has.
 *
 * @param layers decoder layers, L
 * @param headGroups KV heads of a layer, each with the query heads that share it, K
 * @param channels of a feed-forward sublayer, F
 * @param channelBlockSize channels that stay or go together; the last block may have fewer
 */
public record MaskShape(int layers, int headGroups, int channels, int channelBlockSize) {
  /** The block size where nobody asks for another. */
  public static final int DEFAULT_CHANNEL_BLOCK_SIZE = 128;

  public MaskShape {
    if (layers < 1 || headGroups < 1 || channels < 1) {
      throw new IllegalArgumentException(
          "layers, headGroups and channels must be positive, were %d, %d, %d"
              .formatted(layers, headGroups, channels));
    }
    if (channelBlockSize < 32 || channelBlockSize % 32 != 0) {
      throw new IllegalArgumentException(
          "channelBlockSize must be a positive multiple of 32, was " + channelBlockSize);
    }
  }

  /** {@return channel blocks of a feed-forward sublayer} */
  public int channelBlocks() {
    return Math.ceilDiv(channels, channelBlockSize);
  }

  /** {@return units of {@code kind} in one layer} */
  public int units(Sublayer.Kind kind) {
    return kind == Sublayer.Kind.ATTENTION ? headGroups : channelBlocks();
  }

  /** {@return sublayers of the model, 2L} */
  public int sublayers() {
    return 2 * layers;
  }
}
