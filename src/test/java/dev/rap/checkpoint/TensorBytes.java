package dev.rap.checkpoint;

import dev.rap.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntUnaryOperator;

/** Encodes floats as tensors are stored. Quantisation is the plain one, rounding to nearest. */
public final class TensorBytes {
  private static final int BLOCK = 32;

  private TensorBytes() {}

  /**
   * {@return {@code values} as {@code dtype}}
   *
   * @param values a whole number of blocks
   */
  public static byte[] encode(DType dtype, float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(dtype.byteSize(values.length)))
            .order(ByteOrder.LITTLE_ENDIAN);
    int step = dtype.blockElements();
    for (int i = 0; i < values.length; i += step) {
      switch (dtype) {
        case F32 -> bytes.putFloat(values[i]);
        case F16 -> bytes.putShort(Float.floatToFloat16(values[i]));
        case BF16 -> bytes.putShort(bfloat16(values[i]));
        case Q8_0 -> q8(bytes, values, i);
        case Q4_0 -> centred(bytes, values, i, 4);
        case Q4_1 -> withMinimum(bytes, values, i, 4);
        case Q5_0 -> centred(bytes, values, i, 5);
        case Q5_1 -> withMinimum(bytes, values, i, 5);
        case Q2_K, Q3_K, Q4_K, Q5_K, Q6_K -> bytes.put(BlocksOf256.encode(dtype, values, i));
      }
    }
    return bytes.array();
  }

  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16); // ties to even
  }

  private static void q8(ByteBuffer bytes, float[] values, int from) {
    float most = 0;
    for (int i = from; i < from + BLOCK; i++) {
      most = Math.max(most, Math.abs(values[i]));
    }
    float scale = putScale(bytes, most / 127);
    for (int i = from; i < from + BLOCK; i++) {
      bytes.put((byte) rounded(values[i], scale, -127, 127));
    }
  }

  private static void centred(ByteBuffer bytes, float[] values, int from, int bits) {
    float furthest = 0;
    for (int i = from; i < from + BLOCK; i++) {
      furthest = Math.abs(values[i]) > Math.abs(furthest) ? values[i] : furthest;
    }
    int half = 1 << (bits - 1);
    float scale = putScale(bytes, furthest / -half); // of 4 bits -8 is there, +8 is not
    putElements(bytes, bits, i -> half + rounded(values[from + i], scale, -half, half - 1));
  }

  private static void withMinimum(ByteBuffer bytes, float[] values, int from, int bits) {
    float least = values[from];
    float most = values[from];
    for (int i = from; i < from + BLOCK; i++) {
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
    int levels = (1 << bits) - 1;
    float scale = putScale(bytes, (most - least) / levels);
    float minimum = putScale(bytes, least);
    putElements(bytes, bits, i -> rounded(values[from + i] - minimum, scale, 0, levels));
  }

  /** The fifth bits come first, where there are any, then the nibbles. */
  private static void putElements(ByteBuffer bytes, int bits, IntUnaryOperator element) {
    if (bits == 5) {
      int high = 0;
      for (int j = 0; j < BLOCK; j++) {
        high |= (element.applyAsInt(j) >> 4) << j;
      }
      bytes.putInt(high);
    }
    for (int j = 0; j < BLOCK / 2; j++) {
      int low = element.applyAsInt(j) & 15;
      bytes.put((byte) (low | (element.applyAsInt(j + BLOCK / 2) << 4)));
    }
  }

  /** {@return the scale as it was rounded} */
  private static float putScale(ByteBuffer bytes, float scale) {
    short half = Float.floatToFloat16(scale);
    bytes.putShort(half);
    return Float.float16ToFloat(half);
  }

  private static int rounded(float value, float scale, int least, int most) {
    return scale == 0
        ? Math.clamp(0, least, most)
        : Math.clamp(Math.round(value / scale), least, most);
  }
}
