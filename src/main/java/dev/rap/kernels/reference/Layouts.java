package dev.rap.kernels.reference;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How elements lie in memory. Weights are little-endian and need not be aligned. */
final class Layouts {
  static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT;
  static final ValueLayout.OfDouble F64 = ValueLayout.JAVA_DOUBLE;

  private Layouts() {}

  static float f16(MemorySegment data, long offset) {
    return Float.float16ToFloat(data.get(U16, offset));
  }

  static int i32(MemorySegment data, long index) {
    return data.getAtIndex(I32, index);
  }
}
