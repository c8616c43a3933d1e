package dev.rap.kernels.reference;

import static dev.rap.kernels.reference.Layouts.F32;
import static dev.rap.kernels.reference.Layouts.U16;

import dev.rap.kernels.Ranges;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;

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
      default -> blocks(tensor, base, start, end, out);
    }
  }

  private static void blocks(Tensor tensor, long base, int start, int end, float[] out) {
    DType type = tensor.dtype();
    float[] block = new float[type.blockElements()];
    int count;
    for (int c = start; c < end; c += count) {
      int within = c % block.length;
      count = Math.min(block.length - within, end - c);
      Blocks.read(type, tensor.data(), base + type.byteSize(c - within), block);
      System.arraycopy(block, within, out, c, count);
    }
  }
}
