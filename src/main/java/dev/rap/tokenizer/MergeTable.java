package dev.rap.tokenizer;

import java.util.Arrays;

/**
 * Which pairs of tokens merge, into what, and in which order: a hash table of primitives, because a
 * piece of text asks it once for each pair of neighbours.
 */
final class MergeTable {
  /** The rank of a pair that does not merge. */
  static final int NONE = -1;

  // Open addressing, linear probing, at most half full. A free slot has the rank NONE.
  private final long[] pairs;
  private final int[] ranks;
  private final int[] results;

  /**
   * @param capacity the most merges that will be added
   */
  MergeTable(int capacity) {
    int slots = Integer.highestOneBit(Math.max(capacity, 1)) * 4;
    pairs = new long[slots];
    ranks = new int[slots];
    Arrays.fill(ranks, NONE);
    results = new int[slots];
  }

  /** Adds a merge. Of two merges of the same pair the later one holds. */
  void add(int left, int right, int rank, int result) {
    int slot = slot(left, right);
    pairs[slot] = pair(left, right);
    ranks[slot] = rank;
    results[slot] = result;
  }

  /** {@return the place of the merge of two tokens, for {@link #rank} and {@link #result}} */
  int find(int left, int right) {
    return slot(left, right);
  }

  /** {@return the rank of a merge, lowest first, or {@link #NONE} if there is no merge} */
  int rank(int place) {
    return ranks[place];
  }

  /** {@return the token that a merge makes} */
  int result(int place) {
    return results[place];
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
