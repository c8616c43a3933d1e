package dev.rap.tokenizer;

import java.util.Arrays;

/**
 * Which pairs of tokens merge, into what, and in which order: a hash table of primitives, because a
 * piece of text asks it once for each pair of neighbours.
 */
final class MergeTable {
  /** The rank of a pair that does not merge. */
  static final int NONE = -1;

  // Open addressing, linear probing, at most half full. A slot is a pair, and behind it rank and
  // result in one long, so that a look-up touches one line of memory. Free slots are NONE.
  private final long[] slots;

  /**
   * @param capacity the most merges that will be added
   */
  MergeTable(int capacity) {
    slots = new long[Integer.highestOneBit(Math.max(capacity, 1)) * 8];
    Arrays.fill(slots, NONE);
  }

  /** Adds a merge. Of two merges of the same pair the later one holds. */
  void add(int left, int right, int rank, int result) {
    int place = find(left, right);
    slots[place] = pair(left, right);
    slots[place + 1] = pair(rank, result);
  }

  /** {@return the place of the merge of two tokens, for {@link #rank} and {@link #result}} */
  int find(int left, int right) {
    long pair = pair(left, right);
    int mask = slots.length - 2; // places are even
    int place = Scatter.of(pair) & mask;
    while (slots[place] != NONE && slots[place] != pair) {
      place = (place + 2) & mask;
    }
    return place;
  }

  /** {@return the rank of a merge, lowest first, or {@link #NONE} if there is no merge} */
  int rank(int place) {
    return (int) (slots[place + 1] >>> 32);
  }

  /** {@return the token that a merge makes} */
  int result(int place) {
    return (int) slots[place + 1];
  }

  private static long pair(int left, int right) {
    return ((long) left << 32) | right;
  }
}
