package dev.rap.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** Puts NaN where a kernel must not read, so that results show if it did. */
final class Poison {
  private static final short HALF_NAN = 0x7e00;
  private static final short BF16_NAN = 0x7fc0;

  private Poison() {}

  /** Poisons rows of {@code w} outside of the ranges, and blocks that have no column inside. */
  static void outside(Tensor w, Ranges rows, Ranges columns) {
    BitSet keptRows = set(rows);
    BitSet keptColumns = set(columns);
    int step = w.dtype().blockElements();
    for (int r = 0; r < w.rows(); r++) {
      for (int c = 0; c < w.columns(); c += step) {
        int next = keptColumns.nextSetBit(c);
        if (!keptRows.get(r) || next < 0 || next >= c + step) {
          block(w.dtype(), w.data(), r * w.rowBytes() + w.dtype().byteSize(c));
        }
      }
    }
  }

  /** Poisons columns of rows of floats outside of the ranges. */
  static void outside(MemorySegment x, int stride, int rows, Ranges columns) {
    BitSet kept = set(columns);
    for (int r = 0; r < rows; r++) {
      for (int c = kept.nextClearBit(0); c < stride; c = kept.nextClearBit(c + 1)) {
        x.set(JAVA_FLOAT_UNALIGNED, 4 * ((long) r * stride + c), Float.NaN);
      }
    }
  }

  // The scale of a block makes all of it NaN.
  private static void block(DType type, MemorySegment data, long offset) {
    switch (type) {
      case F32 -> data.set(JAVA_FLOAT_UNALIGNED, offset, Float.NaN);
      case BF16 -> data.set(JAVA_SHORT_UNALIGNED, offset, BF16_NAN);
      default -> data.set(JAVA_SHORT_UNALIGNED, offset + RandomData.scaleOffset(type), HALF_NAN);
    }
  }

  private static BitSet set(Ranges ranges) {
    BitSet set = new BitSet();
    for (int i = 0; i < ranges.count(); i++) {
      set.set(ranges.start(i), ranges.end(i));
    }
    return set;
  }
}
