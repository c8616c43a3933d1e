package dev.rap.model;

/**
 * The attention or the feed-forward half of one decoder layer: the paper's unit of pruning.
 *
 * @param layer counted from 0 at the embedding side
 */
public record Sublayer(int layer, Kind kind) implements Comparable<Sublayer> {

  /** What a sublayer costs: attention holds the KV cache, feed-forward most of the weights. */
  public enum Kind {
    ATTENTION,
    FEED_FORWARD
  }

  /** {@return the sublayer of index {@code index}, in order of execution} */
  public static Sublayer of(int index) {
    return new Sublayer(index / 2, index % 2 == 0 ? Kind.ATTENTION : Kind.FEED_FORWARD);
  }

  /** {@return 2 * layer for attention, 2 * layer + 1 for feed-forward: the order of execution} */
  public int index() {
    return 2 * layer + (kind == Kind.ATTENTION ? 0 : 1);
  }

  @Override
  public int compareTo(Sublayer other) {
    return Integer.compare(index(), other.index());
  }

  @Override
  public String toString() {
    return (kind == Kind.ATTENTION ? "attention " : "feed-forward ") + layer;
  }
}
