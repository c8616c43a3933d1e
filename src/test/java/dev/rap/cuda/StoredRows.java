package dev.rap.cuda;

import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Values of stored tensors, by the table in {@link DType}. */
final class StoredRows {
  private static final int HALF_BLOCK = 16;

  private StoredRows() {}

  /** {@return element {@code column} of a row that begins at byte {@code offset}} */
  static double value(DType type, MemorySegment data, long offset, int column) {
    int inBlock = column % type.blockElements();
    long block = offset + type.byteSize(column - inBlock);
    return switch (type) {
      case F32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED, block);
      case F16 -> half(data, block);
      case BF16 -> Float.intBitsToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, block) << 16);
      case Q8_0 -> half(data, block) * data.get(ValueLayout.JAVA_BYTE, block + 2 + inBlock);
      case Q4_0 -> half(data, block) * (nibble(data, block + 2, inBlock) - 8);
      case Q4_1 -> half(data, block) * nibble(data, block + 4, inBlock) + half(data, block + 2);
      default -> throw new IllegalArgumentException("GPUs are not given " + type);
    };
  }

  private static double half(MemorySegment data, long offset) {
    return Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset));
  }

  private static int nibble(MemorySegment data, long nibbles, int element) {
    int both = data.get(ValueLayout.JAVA_BYTE, nibbles + element % HALF_BLOCK);
    return element < HALF_BLOCK ? both & 15 : both >> 4 & 15;
  }
}
