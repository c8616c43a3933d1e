package dev.rap.tokenizer;

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

  /** {@return what asks {@code encoder}, which appends to {@code out}, for new pieces only} */
  Pieces before(Pieces encoder, IntList out) {
    return (text, start, end, first) -> {
      if (end - start > LONGEST) {
        encoder.piece(text, start, end, first);
        return;
      }
      int slot = slot(text, start, end);
      Entry entry = slots[slot];
      if (entry != null
          && entry.piece.length() == end - start
          && text.startsWith(entry.piece, start)) {
        out.addAll(entry.tokens);
        return;
      }
      int before = out.count();
      encoder.piece(text, start, end, first);
      slots[slot] = new Entry(text.substring(start, end), out.from(before));
    };
  }

  private static int slot(String text, int start, int end) {
    int hash = 0;
    for (int i = start; i < end; i++) {
      hash = 31 * hash + text.charAt(i);
    }
    return (hash ^ (hash >>> 14)) & (SLOTS - 1);
  }
}
