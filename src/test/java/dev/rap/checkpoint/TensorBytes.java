package dev.rap.checkpoint;

import dev.rap.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

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
        case Q4_0 -> q4Centred(bytes, values, i);
        case Q4_1 -> q4WithMinimum(bytes, values, i);
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

  private static void q4Centred(ByteBuffer bytes, float[] values, int from) {
    float furthest = 0;
    for (int i = from; i < from + BLOCK; i++) {
      furthest = Math.abs(values[i]) > Math.abs(furthest) ? values[i] : furthest;
    }
    float scale = putScale(bytes, furthest / -8); // -8 is there, +8 is not
    putNibbles(bytes, i -> 8 + rounded(values[from + i], scale, -8, 7));
  }

  private static void q4WithMinimum(ByteBuffer bytes, float[] values, int from) {
    float least = values[from];
    float most = values[from];
    for (int i = from; i < from + BLOCK; i++) {
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
    float scale = putScale(bytes, (most - least) / 15);
    float minimum = putScale(bytes, least);
    putNibbles(bytes, i -> rounded(values[from + i] - minimum, scale, 0, 15));
  }

  private interface Nibble {
    int of(int element);
  }

  private static void putNibbles(ByteBuffer bytes, Nibble nibble) {
    for (int j = 0; j < BLOCK / 2; j++) {
      bytes.put((byte) (nibble.of(j) | nibble.of(j + BLOCK / 2) << 4));
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
