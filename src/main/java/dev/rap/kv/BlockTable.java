package dev.rap.kv;

import java.util.Arrays;

/** The KvBlocks of one sequence, in order of position. */
public final class BlockTable {
  private int[] ids = new int[4];
  private int blocks;

  public int blocks() {
    return blocks;
  }

  /**
   * {@return the KvBlock that holds positions {@code [index * blockSize, (index + 1) * blockSize)}}
   */
  public int block(int index) {
    if (index < 0 || index >= blocks) {
      throw new IllegalArgumentException(
          "index must be in [0, %d), was %d".formatted(blocks, index));
    }
    return ids[index];
  }

  void add(int block) {
    if (blocks == ids.length) {
      ids = Arrays.copyOf(ids, 2 * blocks);
    }
    ids[blocks++] = block;
  }

  void replace(int index, int block) {
    ids[index] = block;
  }

  void clear() {
    blocks = 0;
  }
}
