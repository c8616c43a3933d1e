package dev.rap.kernels;

/**
 * How attention scores a position, and which it sees.
 *
 * @param scale of the product of query and key
 * @param softCap a scaled product s counts as softCap * tanh(s / softCap); 0: as it is
 * @param window most positions seen, the token's own included; {@link #UNBOUNDED}: all
 */
public record AttentionRule(float scale, float softCap, int window) {
  /** The window of attention to all earlier positions. */
  public static final int UNBOUNDED = Integer.MAX_VALUE;

  public AttentionRule {
    if (!(scale > 0 && Float.isFinite(scale)) || !(softCap >= 0 && Float.isFinite(softCap))) {
      throw new IllegalArgumentException(
          "need a positive scale and a softCap of 0 or more, were %s and %s"
              .formatted(scale, softCap));
    }
    if (window < 1) {
      throw new IllegalArgumentException("window must be positive, was " + window);
    }
  }

  /** {@return attention to all earlier positions with scores divided by sqrt(headSize)} */
  public static AttentionRule plain(int headSize) {
    return new AttentionRule(1 / (float) Math.sqrt(headSize), 0, UNBOUNDED);
  }

  /** {@return the first position that a token at {@code position} sees} */
  public int first(int position) {
    return Math.max(0, position - window + 1);
  }
}
