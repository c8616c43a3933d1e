package dev.rap.cuda;

/** How activations, weights and KV are stored on the device, 2 bytes each; sums are F32. */
enum Element {
  F16 {
    @Override
    short bits(float value) {
      return Float.floatToFloat16(Math.clamp(value, -GREATEST_F16, GREATEST_F16));
    }
  },
  BF16 {
    // To the nearest, ties to the even one.
    @Override
    short bits(float value) {
      int bits = Float.floatToRawIntBits(value);
      return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
  };

  static final int BYTES = 2;

  private static final float GREATEST_F16 = 65504;

  /** {@return the element nearest to a finite {@code value}} */
  abstract short bits(float value);
}
