package dev.rap.tokenizer;

/** Makes tokens of pieces of text. Immutable. */
interface Encoder {
  /** {@return what appends the tokens of pieces to {@code out}, on one thread} */
  Pieces into(IntList out);
}
