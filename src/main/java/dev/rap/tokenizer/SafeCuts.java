package dev.rap.tokenizer;

import java.util.BitSet;
import java.util.function.IntPredicate;

/**
 * Cuts text where no merge can lead: between two characters that no token has side by side.
 *
 * <p>SentencePiece's way merges a text as a whole. The tokens are the same when it is cut so, but
 * what lies between cuts is mostly a word, and words return.
 */
final class SafeCuts implements PreTokenizer {
  private static final int BITS = 1 << 22; // a pair that shares another's bit is merely not cut

  private final long[] neighbours = new long[BITS / 64];
  private final IntPredicate known;

  /**
   * @param merged the tokens that merges make
   * @param known the characters that are tokens; beside others, which may be taken together, no cut
   *     is made
   */
  SafeCuts(Vocabulary vocabulary, BitSet merged, IntPredicate known) {
    this.known = known;
    for (int id = merged.nextSetBit(0); id >= 0; id = merged.nextSetBit(id + 1)) {
      String text = vocabulary.text(id).orElseThrow();
      for (int at = 0; at + Character.charCount(text.codePointAt(at)) < text.length(); ) {
        int c = text.codePointAt(at);
        at += Character.charCount(c);
        int bit = bit(c, text.codePointAt(at));
        neighbours[bit >> 6] |= 1L << bit;
      }
    }
  }

  @Override
  public Pieces into(Pieces next) {
    return (text, start, end, first) -> {
      int done = start;
      int before = -1;
      boolean knownBefore = false;
      for (int at = start; at < end; ) {
        int c = text.codePointAt(at);
        boolean knownHere = known.test(c);
        if (knownBefore && knownHere && !touch(before, c)) {
          next.piece(text, done, at, first && done == start);
          done = at;
        }
        before = c;
        knownBefore = knownHere;
        at += Character.charCount(c);
      }
      if (done < end) {
        next.piece(text, done, end, first && done == start);
      }
    };
  }

  private boolean touch(int left, int right) {
    int bit = bit(left, right);
    return (neighbours[bit >> 6] & (1L << bit)) != 0;
  }

  private static int bit(int left, int right) {
    long pair = ((long) left << 21) | right;
    return (int) ((pair * 0x9E3779B97F4A7C15L) >>> 42);
  }
}
