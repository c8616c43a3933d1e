package dev.rap.tokenizer;

/** Takes pieces of text, in order. */
interface Pieces {
  /**
   * Takes the piece from {@code start} to {@code end} of a well-formed text.
   *
   * @param first whether it is the beginning of all text
   */
  void piece(String text, int start, int end, boolean first);
}
