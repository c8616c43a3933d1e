package dev.rap.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rap.tensor.DType;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The encoder that other tests trust, against bytes worked out by hand. */
class TensorBytesTest {
  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  private static float[] block(float first, float last) {
    float[] values = new float[32];
    values[0] = first;
    values[31] = last;
    return values;
  }

  // 1 is 0x3f800000 and 0x3c00; 3.140625 = 2 * 1.5703125 is 0x4248 in F16, and exact in BF16 too.
  @Test
  void plainTypesAreLittleEndian() {
    float[] values = {1, 3.140625f};
    assertArrayEquals(hex("0000803f 00004940"), TensorBytes.encode(DType.F32, values));
    assertArrayEquals(hex("003c 4842"), TensorBytes.encode(DType.F16, values));
    assertArrayEquals(hex("803f 4940"), TensorBytes.encode(DType.BF16, values));
  }

  // 1 + 2^-8 lies midway between 0x3f80 and 0x3f81, 1 + 3 * 2^-8 between 0x3f81 and 0x3f82.
  @Test
  void bfloat16RoundsTiesToEven() {
    float[] values = {1 + 0x1p-8f, 1 + 0x3p-8f};
    assertArrayEquals(hex("803f 823f"), TensorBytes.encode(DType.BF16, values));
  }

  // The largest is 127, so the scale is 1.
  @Test
  void q8StoresAScaleAndRoundedQuotients() {
    byte[] expected = new byte[34];
    expected[1] = 0x3c;
    expected[2] = 127;
    expected[33] = -3;
    assertArrayEquals(expected, TensorBytes.encode(DType.Q8_0, block(127, -2.6f)));
  }

  // The furthest is -8, so the scale is 1; zeros are nibble 8. Element 31 is a high nibble.
  @Test
  void q4CentredStoresNibblesAroundEight() {
    byte[] expected = hex("003c" + "88".repeat(16));
    expected[2] = (byte) 0x80;
    expected[17] = (byte) 0xd8; // 8 + 5
    assertArrayEquals(expected, TensorBytes.encode(DType.Q4_0, block(-8, 5)));
  }

  // From -1 (0xbc00) to 14, so the scale is 1 and zeros are nibble 1.
  @Test
  void q4WithMinimumStoresNibblesAboveIt() {
    byte[] expected = hex("003c 00bc" + "11".repeat(16));
    expected[4] = 0x10;
    expected[19] = (byte) 0xf1;
    assertArrayEquals(expected, TensorBytes.encode(DType.Q4_1, block(-1, 14)));
  }

  // The furthest is -16, so the scale is 1 and zeros are 16: fifth bits of all but element 0. The
  // last is 16 + 5.
  @Test
  void q5CentredStoresTheFifthBitsFirst() {
    byte[] expected = hex("003c feffffff" + "00".repeat(15) + "50");
    assertArrayEquals(expected, TensorBytes.encode(DType.Q5_0, block(-16, 5)));
  }

  // From -1 to 30, so the scale is 1; only the last is above 15.
  @Test
  void q5WithMinimumStoresTheFifthBitsFirst() {
    byte[] expected = hex("003c 00bc 00000080 10" + "11".repeat(14) + "f1");
    assertArrayEquals(expected, TensorBytes.encode(DType.Q5_1, block(-1, 30)));
  }
}
