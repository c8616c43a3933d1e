package dev.rap.checkpoint;

import dev.rap.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;

/**
 * Tensors of random bytes, but for the fields that would make values too large, as {@code
 * scripts/golden-quantised.py} makes them. Each depends on its name, type and size.
 */
final class RandomBlocks {
  private static final int SCALE = 0x1ff; // bits of an F16 that stay random

  private RandomBlocks() {}

  /** A 16-bit field: which of its bits stay random, and what is set in it. */
  private record Field(int at, int kept, int fixed) {}

  /** {@return values of about 1/16 around zero} */
  static byte[] matrix(String name, DType type, long elements) {
    return bytes(name, type, elements, fields(type));
  }

  /** {@return F32 in [0.5, 1)} */
  static byte[] norm(String name, long elements) {
    return bytes(name, DType.F32, elements, List.of(new Field(2, 0x007f, 0x3f00)));
  }

  /** {@return F32 in [0.5, 1) of either sign, about as large as what they are added to} */
  static byte[] bias(String name, long elements) {
    return bytes(name, DType.F32, elements, List.of(new Field(2, 0x807f, 0x3f00)));
  }

  private static byte[] bytes(String name, DType type, long elements, List<Field> fields) {
    byte[] bytes = new byte[Math.toIntExact(type.byteSize(elements))];
    new Random(name.hashCode()).nextBytes(bytes);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int blockBytes = (int) type.byteSize(type.blockElements());
    for (int block = 0; block < bytes.length; block += blockBytes) {
      for (Field field : fields) {
        int at = block + field.at;
        buffer.putShort(at, (short) ((buffer.getShort(at) & field.kept) | field.fixed));
      }
    }
    return bytes;
  }

  private static List<Field> fields(DType type) {
    return switch (type) {
      case F32 -> List.of(new Field(2, 0x807f, 0x3d00));
      case F16 -> List.of(new Field(0, 0x83ff, 0x2800));
      case BF16 -> List.of(new Field(0, 0x807f, 0x3d00));
      case Q8_0 -> List.of(new Field(0, SCALE, 0x1000));
      case Q4_0 -> List.of(new Field(0, SCALE, 0x2000));
      case Q4_1 -> List.of(new Field(0, SCALE, 0x2000), new Field(2, SCALE, 0xac00));
      case Q5_0 -> List.of(new Field(0, SCALE, 0x1c00));
      case Q5_1 -> List.of(new Field(0, SCALE, 0x1c00), new Field(2, SCALE, 0xac00));
      case Q2_K -> List.of(new Field(80, SCALE, 0x1c00), new Field(82, SCALE, 0x1e00));
      case Q3_K -> List.of(new Field(108, SCALE, 0x1400));
      case Q4_K -> List.of(new Field(0, SCALE, 0x0c00), new Field(2, SCALE, 0x1800));
      case Q5_K -> List.of(new Field(0, SCALE, 0x0800), new Field(2, SCALE, 0x1800));
      case Q6_K -> List.of(new Field(208, 0x00ff, 0x0200)); // a subnormal F16
    };
  }
}
