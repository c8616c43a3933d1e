package dev.rap.tokenizer;

/** Takes the texts of tokens on their way to one text, in order. */
interface Texts {
  /**
   * Takes the text of a token, or a part of the text that several make.
   *
   * @param added whether it is that of an added token, which no alphabet is used for
   */
  void text(String text, boolean added);

  /** There is no more. */
  void end();
}
