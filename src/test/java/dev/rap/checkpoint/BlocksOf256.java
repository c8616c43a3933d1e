package dev.rap.checkpoint;

import dev.rap.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Encodes blocks of 256 elements with one scale and one minimum for all of them: the scales of
 * their groups are 1.
 */
final class BlocksOf256 {
  private final DType type;
  private final ByteBuffer block;
  private final int levels; // the largest stored value
  private final int zero; // what a stored value stands above its own

  private BlocksOf256(DType type) {
    this.type = type;
    this.block = ByteBuffer.allocate((int) type.byteSize(256)).order(ByteOrder.LITTLE_ENDIAN);
    this.levels =
        switch (type) {
          case Q2_K -> 3;
          case Q3_K -> 7;
          case Q4_K -> 15;
          case Q5_K -> 31;
          case Q6_K -> 63;
          default -> throw new IllegalArgumentException(type + " has no blocks of 256");
        };
    this.zero = type == DType.Q3_K ? 4 : type == DType.Q6_K ? 32 : 0;
  }

  /** {@return the block of {@code values[from ... from + 255]}} */
  static byte[] encode(DType type, float[] values, int from) {
    BlocksOf256 encoder = new BlocksOf256(type);
    encoder.put(Arrays.copyOfRange(values, from, from + 256));
    return encoder.block.array();
  }

  private void put(float[] values) {
    float least = 0;
    float most = 0;
    for (float value : values) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    float scale = zero == 0 ? (most - least) / levels : Math.max(-least, most) / (zero - 1);
    float minimum = zero == 0 ? least : 0;
    int at = putScales(Float.floatToFloat16(scale), Float.floatToFloat16(-minimum));
    for (int i = 0; i < 256; i++) {
      int q = scale == 0 ? 0 : Math.round((values[i] - minimum) / scale);
      putElement(at, i, Math.clamp(q + zero, 0, levels));
    }
  }

  /** {@return where the lowest bits begin} */
  private int putScales(short scale, short minimum) {
    return switch (type) {
      case Q2_K -> {
        Arrays.fill(block.array(), 0, 16, (byte) 0x11);
        block.putShort(80, scale).putShort(82, minimum);
        yield 16;
      }
      case Q3_K -> { // each scale is 33 - 32: low nibbles 1, high bits 2
        Arrays.fill(block.array(), 96, 104, (byte) 0x11);
        Arrays.fill(block.array(), 104, 108, (byte) 0xaa);
        block.putShort(108, scale);
        yield 32;
      }
      case Q6_K -> {
        Arrays.fill(block.array(), 192, 208, (byte) 1);
        block.putShort(208, scale);
        yield 0;
      }
      default -> {
        block.putShort(0, scale).putShort(2, minimum);
        Arrays.fill(block.array(), 4, 12, (byte) 1); // the first four scales and minima
        Arrays.fill(block.array(), 12, 16, (byte) 0x11); // the others
        yield type == DType.Q4_K ? 16 : 48;
      }
    };
  }

  private void putElement(int at, int i, int q) {
    switch (type) {
      case Q2_K -> or(at + i / 128 * 32 + i % 32, q, i % 128 / 32 * 2);
      case Q3_K -> {
        or(at + i / 128 * 32 + i % 32, q & 3, i % 128 / 32 * 2);
        or(i % 32, q >> 2, i / 32);
      }
      case Q6_K -> {
        or(at + i / 128 * 64 + i % 64, q & 15, i % 128 / 64 * 4);
        or(128 + i / 128 * 32 + i % 32, q >> 4, i % 128 / 32 * 2);
      }
      default -> {
        or(at + i / 64 * 32 + i % 32, q & 15, i % 64 / 32 * 4);
        if (type == DType.Q5_K) {
          or(16 + i % 32, q >> 4, i / 32);
        }
      }
    }
  }

  private void or(int at, int bits, int shift) {
    block.put(at, (byte) (block.get(at) | (bits << shift)));
  }
}
