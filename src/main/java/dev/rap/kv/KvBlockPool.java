package dev.rap.kv;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;

/**
 * Hands out KvBlocks and takes them back. The lowest free one goes out first, so that the last ones
 * are free where they can be, and the pool can get smaller.
 */
public final class KvBlockPool {
  private final int blockSize;
  private final BitSet free = new BitSet();
  private int blocks;
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
    grow(blocks);
  }

  /** {@return token slots of a block} */
  public int blockSize() {
    return blockSize;
  }

  /** {@return all blocks, free or not} */
  public int blocks() {
    return blocks;
  }

  public int freeBlocks() {
    return freeBlocks;
  }

  /** {@return how many blocks, from the first on, hold all that are taken} */
  public int takenEnd() {
    return free.previousClearBit(blocks - 1) + 1;
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
      table.add(take());
    }
    return true;
  }

  private int take() {
    int block = free.nextSetBit(0);
    free.clear(block);
    freeBlocks--;
    return block;
  }

  /**
   * Takes back all blocks of {@code table}.
   *
   * @throws IllegalStateException if one of them is free already
   */
  public void release(BlockTable table) {
    for (int i = 0; i < table.blocks(); i++) {
      int block = table.block(i);
      if (free.get(block)) {
        throw new IllegalStateException("KvBlock %d was released twice".formatted(block));
      }
      free.set(block);
      freeBlocks++;
    }
    table.clear();
  }

  /** Makes the pool so many blocks, no fewer than it has. */
  public void grow(int blocks) {
    if (blocks < this.blocks) {
      throw new IllegalArgumentException(
          "a pool of %d blocks cannot grow to %d".formatted(this.blocks, blocks));
    }
    free.set(this.blocks, blocks);
    freeBlocks += blocks - this.blocks;
    this.blocks = blocks;
  }

  /**
   * Makes the pool so many blocks, no more than it has. What lies in blocks that go moves to free
   * ones.
   *
   * @param tables all that have blocks of this pool
   * @return block numbers in pairs, from and to, whose content is to be copied before it is used;
   *     no block is the target of one and part of another
   * @throws IllegalArgumentException if more blocks than that are in use; nothing has changed then
   */
  public int[] shrink(int blocks, Collection<BlockTable> tables) {
    if (blocks > this.blocks || blocks < Math.max(1, this.blocks - freeBlocks)) {
      throw new IllegalArgumentException(
          "a pool of %d blocks, %d of them free, cannot shrink to %d"
              .formatted(this.blocks, freeBlocks, blocks));
    }
    int[] moves = new int[2 * (this.blocks - blocks)];
    int count = 0;
    for (BlockTable table : tables) {
      for (int i = 0; i < table.blocks(); i++) {
        int block = table.block(i);
        if (block >= blocks) {
          int target = take();
          table.replace(i, target);
          free.set(block);
          freeBlocks++;
          moves[count++] = block;
          moves[count++] = target;
        }
      }
    }
    freeBlocks -= free.get(blocks, this.blocks).cardinality();
    free.clear(blocks, this.blocks);
    this.blocks = blocks;
    return Arrays.copyOf(moves, count);
  }
}
