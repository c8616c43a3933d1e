package dev.rap.tokenizer;

/**
 * A token that is looked for in the text itself, before anything else is done with it.
 *
 * @param id its id
 * @param content what is looked for
 * @param special whether it steers the model, such as the end of a turn: found only in text that
 *     may hold special tokens, left out of decoded text
 * @param singleWord whether it is found only where no word character touches it
 * @param leftStrip whether it takes in the spaces before it
 * @param rightStrip whether it takes in the spaces behind it
 * @param normalized whether it is looked for in the normalised text, not in the text as it came
 */
record AddedToken(
    int id,
    String content,
    boolean special,
    boolean singleWord,
    boolean leftStrip,
    boolean rightStrip,
    boolean normalized) {

  /** The most chars of a content, so that a search takes no longer for hostile tokens. */
  static final int LONGEST = 1024;

  AddedToken {
    content = WellFormed.of(content);
  }

  /** {@return a token that is looked for exactly as it stands} */
  static AddedToken exact(int id, String content, boolean special) {
    return new AddedToken(id, content, special, false, false, false, false);
  }
}
