package dev.rap.tokenizer;

import java.util.Optional;

/**
 * Remembers the tokens of pieces met before: most of a text is words met before.
 *
 * <p>Holds one piece a slot, the latest, so it is bounded and keeps up with a change of language.
 * Safe for several threads without a lock: a slot is read and written as a whole, and what it holds
 * is immutable, so the worst that a race does is to forget a piece.
 */
final class PieceCache {
  private static final int SLOTS = 1 << 14;
  private static final int LONGEST = 32; // chars; longer pieces hardly ever return

  private final Entry[] slots = new Entry[SLOTS];

  private static final class Entry {
    final String piece;
    final int[] tokens; // never changed

    Entry(String piece, int[] tokens) {
      this.piece = piece;
      this.tokens = tokens;
    }
  }

  /** {@return the tokens of the piece from {@code start} to {@code end}; not to be changed} */
  Optional<int[]> find(String text, int start, int end) {
    if (!takes(start, end)) {
      return Optional.empty();
    }
    Entry entry = slots[slot(text, start, end)];
    boolean found =
        entry != null && entry.piece.length() == end - start && text.startsWith(entry.piece, start);
    return found ? Optional.of(entry.tokens) : Optional.empty();
  }

  /** Remembers the tokens of a piece; {@code tokens} must not be changed again. */
  void put(String text, int start, int end, int[] tokens) {
    slots[slot(text, start, end)] = new Entry(text.substring(start, end), tokens);
  }

  /** {@return whether a piece is short enough to be remembered} */
  static boolean takes(int start, int end) {
    return end - start <= LONGEST;
  }

  private static int slot(String text, int start, int end) {
    int hash = 0;
    for (int i = start; i < end; i++) {
      hash = 31 * hash + text.charAt(i);
    }
    return (hash ^ (hash >>> 14)) & (SLOTS - 1);
  }
}
