package dev.rap.tensor;

/**
 * How the elements of a tensor are stored, in ggml's block layouts.
 *
 * <p>A row is a whole number of blocks. The plain types are blocks of one element. All values are
 * little-endian.
 *
 * <table>
 * <caption>Layouts</caption>
 * <tr><th>Type</th><th>Block</th><th>Value of element i</th></tr>
 * <tr><td>Q8_0</td><td>f16 d, 32 x int8 q</td><td>d * q[i]</td></tr>
 * <tr><td>Q4_0</td><td>f16 d, 16 bytes n</td><td>d * (nibble - 8)</td></tr>
 * <tr><td>Q4_1</td><td>f16 d, f16 m, 16 bytes n</td><td>d * nibble + m</td></tr>
 * <tr><td>Q5_0</td><td>f16 d, 32 high bits, 16 bytes n</td><td>d * (q - 16)</td></tr>
 * <tr><td>Q5_1</td><td>f16 d, f16 m, 32 high bits, 16 bytes n</td><td>d * q + m</td></tr>
 * <tr><td>Q2_K</td><td>16 x (4 bits s, 4 bits m), 64 bytes of 2 bits q, f16 d, f16 e</td>
 *     <td>d * s[i / 16] * q - e * m[i / 16]</td></tr>
 * <tr><td>Q3_K</td><td>32 bytes of high bits, 64 bytes of 2 bits, 16 x 6 bits s, f16 d</td>
 *     <td>d * (s[i / 16] - 32) * (q - 4)</td></tr>
 * <tr><td>Q4_K</td><td>f16 d, f16 e, 8 x (6 bits s, 6 bits m), 128 bytes n</td>
 *     <td>d * s[i / 32] * nibble - e * m[i / 32]</td></tr>
 * <tr><td>Q5_K</td><td>f16 d, f16 e, 8 x (6 bits s, 6 bits m), 32 bytes of high bits, 128 bytes n
 *     </td><td>d * s[i / 32] * q - e * m[i / 32]</td></tr>
 * <tr><td>Q6_K</td><td>128 bytes n, 64 bytes of 2 high bits, 16 x int8 s, f16 d</td>
 *     <td>d * s[i / 16] * (q - 32)</td></tr>
 * </table>
 *
 * <p>In the types of 32 elements the low nibble of byte j is element j, the high one element j +
 * 16, and bit j of the high bits belongs to element j. In those of 256 the elements i, i + 32, i +
 * 64 ... share the byte i of a run of 32, the first in the lowest bits: two of them share a byte of
 * nibbles, four of 2 bits, eight of 1 bit; but in Q6_K i and i + 64 share a byte of nibbles.
 */
public enum DType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  BF16(30, 1, 2),
  Q8_0(8, 32, 34),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210);

  private static final int GROUP_ELEMENTS = 32;

  private final int ggmlId;
  private final int blockElements;
  private final int blockBytes;

  DType(int ggmlId, int blockElements, int blockBytes) {
    this.ggmlId = ggmlId;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /** {@return the number of this type in GGUF files and in the native libraries} */
  public int ggmlId() {
    return ggmlId;
  }

  /** {@return elements in one block: what can be stored by itself} */
  public int blockElements() {
    return blockElements;
  }

  /**
   * {@return elements that are read together: what can be multiplied by itself, be it a part of a
   * block}
   */
  public int groupElements() {
    return Math.min(blockElements, GROUP_ELEMENTS);
  }

  /**
   * {@return the bytes of {@code elements} consecutive elements}
   *
   * @param elements a multiple of {@link #blockElements()}
   * @throws IllegalArgumentException if it is not
   */
  public long byteSize(long elements) {
    if (elements < 0 || elements % blockElements != 0) {
      throw new IllegalArgumentException(
          "elements must be a multiple of %d for %s, was %d"
              .formatted(blockElements, this, elements));
    }
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }
}
