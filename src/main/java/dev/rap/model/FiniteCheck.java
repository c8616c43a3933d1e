package dev.rap.model;

import dev.rap.InputException;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;

/**
 * Looks for NaN and infinity: in all elements of plain types, in the scales of quantised ones.
 *
 * <p>Both have an exponent of ones only. Adding the exponent's lowest bit to the exponent then
 * carries into the sign bit, and does so at no other value; so one OR over all tells.
 */
final class FiniteCheck {
  private static final long MOST_BYTES = 1L << 30; // below a second at memory speed
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private FiniteCheck() {}

  /**
   * Checks every row, or of more than 1 GiB as many evenly spaced rows as make 1 GiB.
   *
   * @throws InputException if anything in them is not finite
   */
  static void requireFinite(Path source, Map<String, Tensor> tensors) {
    long byteSize = tensors.values().stream().mapToLong(Tensor::byteSize).sum();
    long step = Math.ceilDiv(byteSize, MOST_BYTES);
    tensors.forEach(
        (name, tensor) -> {
          for (long row = 0; row < tensor.rows(); row += step) {
            if (!isFinite(tensor, row)) {
              throw new InputException(
                  "%s: tensor %s has NaN or infinity in row %d, expected numbers: the file is damaged, fetch it again"
                      .formatted(source, name, row));
            }
          }
        });
  }

  private static boolean isFinite(Tensor tensor, long row) {
    long rowBytes = tensor.rowBytes();
    MemorySegment data = tensor.data().asSlice(row * rowBytes, rowBytes);
    long blockBytes = tensor.dtype().byteSize(tensor.dtype().blockElements());
    return switch (tensor.dtype()) {
      case F32 -> wordsAreFinite(data, blockBytes, 0x7f80_0000);
      // The scale and the minimum, which in Q2_K come last; in Q3_K and Q6_K the scale does.
      case Q4_1, Q5_1, Q4_K, Q5_K -> wordsAreFinite(data, blockBytes, 0x7c00_7c00);
      case Q2_K -> wordsAreFinite(data.asSlice(blockBytes - 4), blockBytes, 0x7c00_7c00);
      case F16, Q8_0, Q4_0, Q5_0 -> halvesAreFinite(data, blockBytes, 0x7c00);
      case Q3_K, Q6_K -> halvesAreFinite(data.asSlice(blockBytes - 2), blockBytes, 0x7c00);
      case BF16 -> halvesAreFinite(data, blockBytes, 0x7f80);
    };
  }

  /** Looks at the 32 bits that start every {@code step} bytes: one element, or two. */
  private static boolean wordsAreFinite(MemorySegment data, long step, int exponents) {
    int lowest = exponents & ~(exponents << 1);
    int carried = 0;
    for (long at = 0; at < data.byteSize(); at += step) {
      carried |= (data.get(INT, at) & exponents) + lowest;
    }
    return (carried & (exponents << 1) & ~exponents) == 0;
  }

  /** Looks at the 16 bits that start every {@code step} bytes. */
  private static boolean halvesAreFinite(MemorySegment data, long step, int exponent) {
    int lowest = exponent & ~(exponent << 1);
    int carried = 0;
    for (long at = 0; at < data.byteSize(); at += step) {
      carried |= (data.get(SHORT, at) & exponent) + lowest;
    }
    return (carried & (exponent << 1) & ~exponent) == 0;
  }
}
