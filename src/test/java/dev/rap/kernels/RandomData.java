package dev.rap.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Inputs of kernels, in guarded memory. */
final class RandomData {
  private final Arena arena;
  private final RandomGenerator random;

  RandomData(Arena arena, long seed) {
    this.arena = arena;
    this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  int below(int end) {
    return random.nextInt(end);
  }

  MemorySegment bytes(long count) {
    return GuardedMemory.allocate(arena, count);
  }

  MemorySegment floats(long count, float value) {
    MemorySegment segment = bytes(4 * count);
    for (long i = 0; i < count; i++) {
      segment.set(JAVA_FLOAT_UNALIGNED, 4 * i, value);
    }
    return segment;
  }

  MemorySegment normal(long count, double scale) {
    MemorySegment segment = bytes(4 * count);
    for (long i = 0; i < count; i++) {
      segment.set(JAVA_FLOAT_UNALIGNED, 4 * i, (float) (scale * random.nextGaussian()));
    }
    return segment;
  }

  /**
   * {@return integers of -127 ... 127, with a 127 or -127 in every 32: 8 bits with one scale hold
   * them exactly, and so does bf16}
   */
  MemorySegment integers(long count) {
    MemorySegment segment = bytes(4 * count);
    for (long i = 0; i < count; i++) {
      int value = i % 16 == 0 ? 127 * (random.nextBoolean() ? 1 : -1) : below(255) - 127;
      segment.set(JAVA_FLOAT_UNALIGNED, 4 * i, value);
    }
    return segment;
  }

  MemorySegment ints(int... values) {
    MemorySegment segment = bytes(4L * values.length);
    for (int i = 0; i < values.length; i++) {
      segment.set(JAVA_INT_UNALIGNED, 4L * i, values[i]);
    }
    return segment;
  }

  /** {@return weights of about 1 in magnitude} */
  Tensor weights(DType type, int rows, int columns) {
    MemorySegment data = bytes(type.byteSize(columns) * rows);
    long blocks = (long) rows * columns / type.blockElements();
    long blockBytes = type.byteSize(type.blockElements());
    for (long i = 0; i < blocks; i++) {
      block(type, data.asSlice(i * blockBytes, blockBytes));
    }
    return new Tensor(type, rows, columns, data);
  }

  /**
   * {@return weights whose blocks are {@code value} in every byte but those of the block's scale}
   */
  Tensor equalBytes(DType type, int rows, int columns, int value) {
    MemorySegment data = bytes(type.byteSize(columns) * rows);
    data.fill((byte) value);
    long blockBytes = type.byteSize(type.blockElements());
    for (long at = 0; at < data.byteSize(); at += blockBytes) {
      scales(type, data.asSlice(at, blockBytes), 1);
    }
    return new Tensor(type, rows, columns, data);
  }

  private void block(DType type, MemorySegment block) {
    float value = (float) random.nextGaussian();
    float scale = (float) random.nextDouble(0.5, 1.5);
    switch (type) {
      case F32 -> block.set(JAVA_FLOAT_UNALIGNED, 0, value);
      case F16 -> half(block, 0, value);
      case BF16 ->
          block.set(JAVA_SHORT_UNALIGNED, 0, (short) (Float.floatToRawIntBits(value) >> 16));
      default -> {
        for (long i = 0; i < block.byteSize(); i++) {
          block.set(JAVA_BYTE, i, (byte) random.nextInt());
        }
        scales(type, block, scale);
      }
    }
  }

  private static void scales(DType type, MemorySegment block, float scale) {
    half(block, scaleOffset(type), scale * scaleOf(type));
    if (minimumOf(type) != 0) {
      half(block, scaleOffset(type) + 2, scale * minimumOf(type));
    }
  }

  /** {@return the byte of a block where its F16 scale is, and after that its minimum} */
  static int scaleOffset(DType type) {
    return switch (type) {
      case Q2_K -> 80;
      case Q3_K -> 108;
      case Q6_K -> 208;
      default -> 0;
    };
  }

  // By which values have a deviation of about 1: elements are uniform, and so are the scales of
  // groups, whose mean square is (levels^2 - 1) / 12 about their mean.
  private static float scaleOf(DType type) {
    return switch (type) {
      case Q8_0 -> 1 / 73f;
      case Q4_0, Q4_1 -> 1 / 5f;
      case Q5_0, Q5_1 -> 1 / 10f;
      case Q2_K -> 1 / 13f; // times up to 15 and 3
      case Q3_K -> 1 / 43f; // times -32 ... 31 and -4 ... 3
      case Q4_K -> 1 / 245f; // times up to 63 and 15
      case Q5_K -> 1 / 500f;
      case Q6_K -> 1 / 1360f; // times -128 ... 127 and -32 ... 31
      case F32, F16, BF16 -> 1;
    };
  }

  // Half of the range, so that values lie around zero.
  private static float minimumOf(DType type) {
    return switch (type) {
      case Q4_1 -> -8 / 5f;
      case Q5_1 -> -16 / 10f;
      case Q2_K -> 1.5f / 13;
      case Q4_K -> 7.5f / 245;
      case Q5_K -> 15.5f / 500;
      default -> 0;
    };
  }

  private static void half(MemorySegment block, long offset, float value) {
    block.set(JAVA_SHORT_UNALIGNED, offset, Float.floatToFloat16(value));
  }
}
