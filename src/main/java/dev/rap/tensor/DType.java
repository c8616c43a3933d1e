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
 * </table>
 *
 * <p>In the 4-bit types the low nibble of byte j is element j, the high one element j + 16.
 */
public enum DType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  BF16(30, 1, 2),
  Q8_0(8, 32, 34),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20);

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

  /** {@return elements in one block} */
  public int blockElements() {
    return blockElements;
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
