package dev.rap.kv;

/** Hands out KvBlocks and takes them back. */
public final class KvBlockPool {
  private final int blockSize;
  private final int[] free; // a stack: the block that came back last goes out first
  private final boolean[] taken;
  private int freeBlocks;

  /**
   * @param blocks in the pool
   * @param blockSize token slots of a block
   */
  public KvBlockPool(int blocks, int blockSize) {
    if (blocks < 1 || blockSize < 1) {
      throw new IllegalArgumentException(
          "blocks and blockSize must be positive, were %d and %d".formatted(blocks, blockSize));
    }
    this.blockSize = blockSize;
    this.free = new int[blocks];
    this.taken = new boolean[blocks];
    for (int i = 0; i < blocks; i++) {
      free[i] = blocks - 1 - i;
    }
    this.freeBlocks = blocks;
  }

  /** {@return token slots of a block} */
  public int blockSize() {
    return blockSize;
  }

  /** {@return all blocks, free or not} */
  public int blocks() {
    return free.length;
  }

  public int freeBlocks() {
    return freeBlocks;
  }

  /** {@return how many blocks, from the first on, hold all that are taken} */
  public int takenEnd() {
    int end = taken.length;
    while (end > 0 && !taken[end - 1]) {
      end--;
    }
    return end;
  }

  /** {@return blocks that hold {@code tokens} tokens} */
  public int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, blockSize);
  }

  /**
   * Grows {@code table} until it holds {@code tokens} tokens.
   *
   * @return false, with nothing changed, if there are too few free blocks
   */
  public boolean reserve(BlockTable table, int tokens) {
    int missing = blocksFor(tokens) - table.blocks();
    if (missing > freeBlocks) {
      return false;
    }
    for (int i = 0; i < missing; i++) {
      int block = free[--freeBlocks];
      taken[block] = true;
      table.add(block);
    }
    return true;
  }

  /**
   * Takes back all blocks of {@code table}.
   *
   * @throws IllegalStateException if one of them is free already
   */
  public void release(BlockTable table) {
    for (int i = 0; i < table.blocks(); i++) {
      int block = table.block(i);
      if (!taken[block]) {
        throw new IllegalStateException("KvBlock %d was released twice".formatted(block));
      }
      taken[block] = false;
      free[freeBlocks++] = block;
    }
    table.clear();
  }
}
