package dev.rap.kernels.reference;

import static dev.rap.kernels.reference.Layouts.F32;
import static dev.rap.kernels.reference.Layouts.U16;

import dev.rap.kernels.Ranges;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Reads rows of any storage type as floats, by the table in {@link DType}. */
final class Rows {
  private Rows() {}

  /**
   * Sets {@code out[c]} to the value in column c, for the columns in {@code columns}.
   *
   * @param out {@code [tensor.columns()]}
   */
  static void read(Tensor tensor, int row, Ranges columns, float[] out) {
    for (int i = 0; i < columns.count(); i++) {
      read(tensor, row, columns.start(i), columns.end(i), out);
    }
  }

  private static void read(Tensor tensor, int row, int start, int end, float[] out) {
    MemorySegment data = tensor.data();
    long base = row * tensor.rowBytes();
    switch (tensor.dtype()) {
      case F32 -> MemorySegment.copy(data, F32, base + 4L * start, out, start, end - start);
      case F16 -> {
        for (int c = start; c < end; c++) {
          out[c] = Layouts.f16(data, base + 2L * c);
        }
      }
      case BF16 -> {
        for (int c = start; c < end; c++) {
          out[c] = Float.intBitsToFloat(data.get(U16, base + 2L * c) << 16);
        }
      }
      case Q8_0, Q4_0, Q4_1 -> {
        DType type = tensor.dtype();
        for (int c = start; c < end; c += type.blockElements()) {
          block(type, data, base + type.byteSize(c), out, c);
        }
      }
    }
  }

  private static void block(DType type, MemorySegment data, long offset, float[] out, int to) {
    float d = Layouts.f16(data, offset);
    switch (type) {
      case Q8_0 -> {
        for (int i = 0; i < 32; i++) {
          out[to + i] = d * data.get(ValueLayout.JAVA_BYTE, offset + 2 + i);
        }
      }
      case Q4_0 -> nibbles(d, -8, 0, data, offset + 2, out, to);
      case Q4_1 -> nibbles(d, 0, Layouts.f16(data, offset + 2), data, offset + 4, out, to);
      default -> throw new IllegalArgumentException(type + " has no blocks");
    }
  }

  private static void nibbles(
      float d, int zero, float m, MemorySegment data, long offset, float[] out, int to) {
    for (int j = 0; j < 16; j++) {
      int both = data.get(ValueLayout.JAVA_BYTE, offset + j);
      out[to + j] = d * ((both & 15) + zero) + m;
      out[to + j + 16] = d * ((both >> 4 & 15) + zero) + m;
    }
  }
}
