package dev.rap.checkpoint;

import dev.rap.InputException;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * One entry of a file's directory of tensors, whose bytes are known to lie within the file.
 *
 * @param file that it is in
 * @param type as the format names it
 * @param dtype empty if tensors of {@code type} cannot be read
 * @param readable the types that can be read from this format
 * @param shape outermost dimension first, none negative
 * @param data all its bytes, not necessarily aligned; empty where {@code dtype} is
 */
record StoredTensor(
    Path file,
    String name,
    String type,
    Optional<DType> dtype,
    List<DType> readable,
    List<Long> shape,
    MemorySegment data) {
  private static final long COPY_ALIGNMENT = 64; // a cache line, and the widest vector

  StoredTensor {
    readable = List.copyOf(readable);
    shape = List.copyOf(shape);
  }

  /**
   * {@return how many elements a tensor of this shape has}
   *
   * @throws ArithmeticException if 64 bits do not hold it
   */
  static long elements(List<Long> shape) {
    long elements = 1;
    for (long dimension : shape) {
      elements = Math.multiplyExact(elements, dimension);
    }
    return elements;
  }

  /**
   * {@return the matrix of all rows, those of outer dimensions in sequence}
   *
   * @param arena for a copy, where the file does not align the elements
   * @throws InputException if the type or the shape is not supported
   */
  Tensor read(Arena arena) {
    DType type = dtype.orElseThrow(this::unsupported);
    long columns = shape.isEmpty() ? 1 : shape.getLast();
    long rows = columns < 1 ? 0 : elements(shape) / columns;
    if (rows < 1 || columns < 1 || rows > Integer.MAX_VALUE || columns > Integer.MAX_VALUE) {
      throw new InputException(
          "%s: tensor %s has shape %s, expected 1 to %d rows and columns: it is no Llama weight"
              .formatted(file, name, shape, Integer.MAX_VALUE));
    }
    return new Tensor(type, (int) rows, (int) columns, aligned(type, arena));
  }

  private MemorySegment aligned(DType type, Arena arena) {
    long unit = type == DType.F32 ? 4 : 2;
    if (data.address() % unit == 0) {
      return data;
    }
    try {
      return arena.allocate(data.byteSize(), COPY_ALIGNMENT).copyFrom(data).asReadOnly();
    } catch (OutOfMemoryError e) {
      throw new InputException(
          "%s: tensor %s is not aligned and there is no memory for a copy of %d bytes: save the file again with an aligned header"
              .formatted(file, name, data.byteSize()),
          e);
    }
  }

  private InputException unsupported() {
    return new InputException(
        "%s: tensor %s is stored as %s, which is not supported (yet); supported are %s: convert it to one of those"
            .formatted(file, name, type, readable));
  }
}
