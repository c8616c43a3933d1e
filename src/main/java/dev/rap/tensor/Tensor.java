package dev.rap.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A matrix in memory, row-major, rows contiguous. A vector is a matrix of one row.
 *
 * @param dtype of the elements
 * @param rows outputs of a projection, or entries of a table
 * @param columns elements of a row
 * @param data {@code rows * columns} elements; native memory, owned by someone else
 */
public record Tensor(DType dtype, int rows, int columns, MemorySegment data) {
  public Tensor {
    if (rows < 1 || columns < 1) {
      throw new IllegalArgumentException(
          "rows and columns must be positive, were %d and %d".formatted(rows, columns));
    }
    long expected = Math.multiplyExact(dtype.byteSize(columns), (long) rows);
    if (data.byteSize() != expected) {
      throw new IllegalArgumentException(
          "%s[%d, %d] must have %d bytes, had %d"
              .formatted(dtype, rows, columns, expected, data.byteSize()));
    }
  }

  /** {@return the bytes of one row, which is also the distance between rows} */
  public long rowBytes() {
    return dtype.byteSize(columns);
  }

  /** {@return the bytes of all rows} */
  public long byteSize() {
    return data.byteSize();
  }
}
