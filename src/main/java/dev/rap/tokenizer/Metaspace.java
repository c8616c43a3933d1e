package dev.rap.tokenizer;

import dev.rap.regex.Regex;
import dev.rap.tokenizer.Split.Behavior;

/**
 * What SentencePiece does with spaces: they are written as {@code ▁}, words begin with one.
 *
 * @param replacement is written for a space
 * @param prepend where it is put before a piece that does not begin with it
 * @param words whether each word is a piece
 */
record Metaspace(char replacement, Prepend prepend, boolean words) implements PreTokenizer {

  /** Which pieces are given a replacement. */
  enum Prepend {
    ALWAYS,
    FIRST,
    NEVER
  }

  @Override
  public Pieces into(Pieces next) {
    Pieces cut = words ? cutter().into(next) : next;
    return (text, start, end, first) -> {
      String written = text.substring(start, end).replace(' ', replacement);
      boolean wanted = prepend == Prepend.ALWAYS || (prepend == Prepend.FIRST && first);
      if (wanted && !written.isEmpty() && written.charAt(0) != replacement) {
        written = replacement + written;
      }
      cut.piece(written, 0, written.length(), first);
    };
  }

  private Split cutter() {
    return new Split(Regex.literal(String.valueOf(replacement)), Behavior.MERGED_WITH_NEXT);
  }
}
