package dev.rap.kernels;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Native memory with given contents, 64-byte aligned as the kernels want it. */
public final class Buffers {
  private final Arena arena;

  public Buffers(Arena arena) {
    this.arena = arena;
  }

  public MemorySegment bytes(int... values) {
    MemorySegment segment = arena.allocate(values.length, 64);
    for (int i = 0; i < values.length; i++) {
      segment.set(ValueLayout.JAVA_BYTE, i, (byte) values[i]);
    }
    return segment;
  }

  public MemorySegment ints(int... values) {
    MemorySegment segment = arena.allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_INT, 0, values.length);
    return segment;
  }

  public MemorySegment floats(float... values) {
    MemorySegment segment = arena.allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
    return segment;
  }

  public MemorySegment halves(float... values) {
    MemorySegment segment = arena.allocate(2L * values.length, 64);
    for (int i = 0; i < values.length; i++) {
      segment.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(values[i]));
    }
    return segment;
  }

  /** {@return {@code count} doubles, all NaN} */
  public MemorySegment doubles(int count) {
    MemorySegment segment = arena.allocate(8L * count, 64);
    for (int i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_DOUBLE, i, Double.NaN);
    }
    return segment;
  }

  public Tensor matrix(int rows, int columns, float... values) {
    return new Tensor(DType.F32, rows, columns, floats(values));
  }

  public static float[] read(MemorySegment floats) {
    return floats.toArray(ValueLayout.JAVA_FLOAT);
  }
}
