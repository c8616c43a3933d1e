package dev.rap.kernels;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Preconditions of native operations, which would read or write past the end without them. */
final class Require {
  private Require() {}

  static void count(String what, int value) {
    if (value < 0) {
      throw new IllegalArgumentException(what + " must not be negative, was " + value);
    }
  }

  static void pairs(String what, int value, int most) {
    if (value % 2 != 0 || value < 0 || value > most) {
      throw new IllegalArgumentException(
          "%s must be even and at most %d, was %d".formatted(what, most, value));
    }
  }

  static void bytes(String what, MemorySegment segment, long bytes) {
    if (segment.byteSize() < bytes) {
      throw new IllegalArgumentException(
          "%s must have %d bytes, had %d".formatted(what, bytes, segment.byteSize()));
    }
  }

  /** One float for each of {@code rows}, or {@link MemorySegment#NULL}. */
  static void bias(String what, MemorySegment bias, Ranges rows) {
    if (!bias.equals(MemorySegment.NULL)) {
      bytes(what, bias, 4L * end(rows));
    }
  }

  /** Rows of floats, {@code stride} apart, of which the first {@code width} are used. */
  static void rows(String what, MemorySegment segment, int rows, int stride, int width) {
    if (width > stride) {
      throw new IllegalArgumentException(
          "%s has a stride of %d, which must be at least %d".formatted(what, stride, width));
    }
    if (rows > 0) {
      bytes(what, segment, 4 * ((rows - 1L) * stride + width));
    }
  }

  static void within(String what, Ranges ranges, int end) {
    if (end(ranges) > end) {
      throw new IllegalArgumentException(
          "%s must end at %d at most, were %s".formatted(what, end, ranges));
    }
  }

  /** Bounds of columns are bounds of what is read together, or the end of the row, which is one. */
  static void groups(Ranges columns, Tensor w) {
    int group = w.dtype().groupElements();
    for (int i = 0; i < columns.count(); i++) {
      if (columns.start(i) % group != 0 || columns.end(i) % group != 0) {
        throw new IllegalArgumentException(
            "columns of %s must be multiples of %d, were %s".formatted(w.dtype(), group, columns));
      }
    }
  }

  static void f32Row(String what, Tensor tensor) {
    if (tensor.dtype() != DType.F32 || tensor.rows() != 1) {
      throw new IllegalArgumentException(
          "%s must be one row of F32, was %d of %s".formatted(what, tensor.rows(), tensor.dtype()));
    }
  }

  static void wholeRuns(Ranges columns, int size) {
    for (int i = 0; i < columns.count(); i++) {
      if (columns.start(i) % size != 0 || columns.end(i) % size != 0) {
        throw new IllegalArgumentException(
            "columns must be whole runs of %d, were %s".formatted(size, columns));
      }
    }
  }

  static void batch(TokenBatch batch) {
    bytes("positions", batch.positions(), 4L * batch.tokens());
    bytes("sequenceOf", batch.sequenceOf(), 4L * batch.tokens());
    long tables = (long) batch.sequences() * batch.blockTableStride();
    bytes("blockTables", batch.blockTables(), 4 * tables);
  }

  static int end(Ranges ranges) {
    return ranges.count() == 0 ? 0 : ranges.end(ranges.count() - 1);
  }
}
