package dev.rap.tokenizer;

import java.util.Arrays;

/**
 * Which pairs of tokens merge, into what, and in which order: a hash table of primitives, because a
 * piece of text asks it once for each pair of neighbours.
 */
final class MergeTable {
  /** What {@link #find} answers for a pair that does not merge. */
  static final int NONE = -1;

  // Open addressing, linear probing, at most half full. A slot holds rank or NONE.
  private final long[] pairs;
  private final int[] ranks;
  private final int[] merged; // by rank

  /**
   * @param capacity the most merges that will be added
   */
  MergeTable(int capacity) {
    int slots = Integer.highestOneBit(Math.max(capacity, 1)) * 4;
    pairs = new long[slots];
    ranks = new int[slots];
    Arrays.fill(ranks, NONE);
    merged = new int[capacity];
  }

  /** Adds a merge. Of two merges of the same pair the later one holds. */
  void add(int left, int right, int rank, int result) {
    int slot = slot(left, right);
    pairs[slot] = pair(left, right);
    ranks[slot] = rank;
    merged[rank] = result;
  }

  /** {@return the rank of the merge of two tokens, lowest first, or {@link #NONE}} */
  int find(int left, int right) {
    return ranks[slot(left, right)];
  }

  /** {@return the token that the merge of rank {@code rank} makes} */
  int result(int rank) {
    return merged[rank];
  }

  private int slot(int left, int right) {
    long pair = pair(left, right);
    int mask = pairs.length - 1;
    // Fibonacci hashing: the high bits of the product depend on all bits of the pair.
    int slot = (int) ((pair * 0x9E3779B97F4A7C15L) >>> 32) & mask;
    while (ranks[slot] != NONE && pairs[slot] != pair) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private static long pair(int left, int right) {
    return ((long) left << 32) | right;
  }
}
