package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Elements in host memory, by index. */
final class Elements {
  private static final ValueLayout.OfShort BITS = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final float MOST_F16 = 65504;
  private static final float MOST_BF16 = 0x1.fep127f;

  private Elements() {}

  static float get(Element type, MemorySegment elements, long index) {
    short bits = elements.get(BITS, Element.BYTES * index);
    return switch (type) {
      case F16 -> Float.float16ToFloat(bits);
      case BF16 -> Float.intBitsToFloat(bits << 16);
    };
  }

  /**
   * Writes what a kernel would write of {@code value}: the nearest float32, and of that the nearest
   * element, ties to even; what is beyond the finite ones becomes the last of them, and NaN stays.
   */
  static void put(Element type, MemorySegment elements, long index, double value) {
    elements.set(BITS, Element.BYTES * index, bits(type, (float) value));
  }

  /** {@return the bits of the element nearest to {@code value}} */
  static short bits(Element type, float value) {
    return switch (type) {
      case F16 -> Float.floatToFloat16(finite(value, MOST_F16));
      case BF16 -> brainBits(finite(value, MOST_BF16));
    };
  }

  private static float finite(float value, float most) {
    return Float.isNaN(value) ? value : Math.clamp(value, -most, most);
  }

  private static short brainBits(float value) {
    if (Float.isNaN(value)) {
      return 0x7fc0;
    }
    int bits = Float.floatToRawIntBits(value);
    int isOdd = (bits >>> 16) & 1;
    return (short) ((bits + 0x7fff + isOdd) >>> 16);
  }

  /** Fills {@code elements} with the elements nearest to {@code values}. */
  static void put(Element type, MemorySegment elements, float... values) {
    for (int i = 0; i < values.length; i++) {
      put(type, elements, i, values[i]);
    }
  }

  static float[] get(Element type, MemorySegment elements) {
    float[] values = new float[(int) (elements.byteSize() / Element.BYTES)];
    for (int i = 0; i < values.length; i++) {
      values[i] = get(type, elements, i);
    }
    return values;
  }
}
