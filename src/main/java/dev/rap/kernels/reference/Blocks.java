package dev.rap.kernels.reference;

import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads one block of a quantised type as floats, by the table in {@link DType}. */
final class Blocks {
  private static final ValueLayout.OfInt BITS =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment data;
  private final long start;
  private final float[] out;

  private Blocks(MemorySegment data, long start, float[] out) {
    this.data = data;
    this.start = start;
    this.out = out;
  }

  /**
   * Sets {@code out} to the values of the block at {@code offset}.
   *
   * @param out {@code [type.blockElements()]}
   */
  static void read(DType type, MemorySegment data, long offset, float[] out) {
    Blocks block = new Blocks(data, offset, out);
    switch (type) {
      case Q8_0 -> block.bytes();
      case Q4_0 -> block.nibbles(2, 0, -8, 0);
      case Q4_1 -> block.nibbles(4, 0, 0, block.f16(2));
      case Q5_0 -> block.nibbles(6, data.get(BITS, offset + 2), -16, 0);
      case Q5_1 -> block.nibbles(8, data.get(BITS, offset + 4), 0, block.f16(2));
      case Q2_K -> block.twoBits();
      case Q3_K -> block.threeBits();
      case Q4_K -> block.nibblesOf256(16, false);
      case Q5_K -> block.nibblesOf256(48, true);
      case Q6_K -> block.sixBits();
      case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no blocks");
    }
  }

  private float f16(int at) {
    return Layouts.f16(data, start + at);
  }

  private int s8(int at) {
    return data.get(ValueLayout.JAVA_BYTE, start + at);
  }

  private int bits(int at, int shift, int mask) {
    return (s8(at) >> shift) & mask;
  }

  private void bytes() {
    float d = f16(0);
    for (int i = 0; i < 32; i++) {
      out[i] = d * s8(2 + i);
    }
  }

  private void nibbles(int at, int high, int zero, float m) {
    float d = f16(0);
    for (int i = 0; i < 32; i++) {
      int q = bits(at + i % 16, i / 16 * 4, 15) + 16 * ((high >>> i) & 1);
      out[i] = d * (q + zero) + m;
    }
  }

  // Element i of a run of 128 shares its byte with those 32, 64 and 96 further.
  private int pair(int at, int i) {
    return bits(at + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 3);
  }

  private void twoBits() {
    float d = f16(80);
    float e = f16(82);
    for (int i = 0; i < 256; i++) {
      out[i] = d * bits(i / 16, 0, 15) * pair(16, i) - e * bits(i / 16, 4, 15);
    }
  }

  private void threeBits() {
    float d = f16(108);
    for (int i = 0; i < 256; i++) {
      int k = i / 16;
      int scale = bits(96 + k % 8, k / 8 * 4, 15) + 16 * bits(104 + k % 4, k / 4 * 2, 3);
      int q = pair(32, i) + 4 * bits(i % 32, i / 32, 1);
      out[i] = d * (scale - 32) * (q - 4);
    }
  }

  private void nibblesOf256(int at, boolean five) {
    float d = f16(0);
    float e = f16(2);
    for (int i = 0; i < 256; i++) {
      int k = i / 32;
      int q = bits(at + i / 64 * 32 + i % 32, k % 2 * 4, 15);
      if (five) {
        q += 16 * bits(16 + i % 32, k, 1);
      }
      out[i] = d * sixBitScale(4, k) * q - e * sixBitScale(8, k);
    }
  }

  // The first four of 8 lie in the low bits of a byte each; the others have their low nibbles in
  // bytes 12 ... 15, shared by scales and minima, and their high bits above the first four.
  private int sixBitScale(int at, int k) {
    return k < 4
        ? bits(at + k, 0, 63)
        : bits(8 + k, at == 4 ? 0 : 4, 15) + 16 * bits(at + k - 4, 6, 3);
  }

  private void sixBits() {
    float d = f16(208);
    for (int i = 0; i < 256; i++) {
      int q = bits(i / 128 * 64 + i % 64, i % 128 / 64 * 4, 15) + 16 * pair(128, i);
      out[i] = d * s8(192 + i / 16) * (q - 32);
    }
  }
}
