package dev.rap.model;

import dev.rap.kernels.Ranges;
import dev.rap.tensor.Tensor;
import java.util.BitSet;

/**
 * The rows and columns that a set of units of one sublayer spans.
 *
 * @param units head groups, or channel blocks
 * @param keyColumns of the KV heads; empty for feed-forward
 * @param inner what lies between the two projections: columns of the query heads, or channels
 * @param readable columns of the output projection that are read: {@code inner}, or all of them
 *     where head groups do not begin where groups of quantised elements do. Those beyond {@code
 *     inner} must meet zeros
 */
record SublayerPlan(Ranges units, Ranges keyColumns, Ranges inner, Ranges readable) {

  static SublayerPlan of(
      Sublayer.Kind kind, BitSet units, MaskShape shape, ModelConfig config, Tensor projection) {
    Ranges runs = Ranges.of(units);
    boolean attention = kind == Sublayer.Kind.ATTENTION;
    Ranges inner =
        attention
            ? runs.times(config.queryHeadsPerGroup() * config.headSize())
            : channels(runs, shape);
    return new SublayerPlan(
        runs,
        attention ? runs.times(config.headSize()) : Ranges.all(0),
        inner,
        aligned(inner, projection.dtype().groupElements())
            ? inner
            : Ranges.all(projection.columns()));
  }

  private static Ranges channels(Ranges blocks, MaskShape shape) {
    int[] bounds = new int[2 * blocks.count()];
    for (int i = 0; i < blocks.count(); i++) {
      bounds[2 * i] = blocks.start(i) * shape.channelBlockSize();
      bounds[2 * i + 1] =
          Math.min(blocks.end(i) * shape.channelBlockSize(), shape.channels()); // the last is short
    }
    return Ranges.of(bounds);
  }

  private static boolean aligned(Ranges columns, int groupElements) {
    for (int i = 0; i < columns.count(); i++) {
      if (columns.start(i) % groupElements != 0 || columns.end(i) % groupElements != 0) {
        return false;
      }
    }
    return true;
  }

  /** {@return whether nothing of the sublayer is spanned} */
  boolean isEmpty() {
    return units.total() == 0;
  }
}
