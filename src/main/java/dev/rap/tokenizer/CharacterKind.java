package dev.rap.tokenizer;

/**
 * The kinds of characters that pre-tokenizers tell apart.
 *
 * <p>They are the regular expressions {@code \p{L}}, {@code \p{N}} and {@code \s} over Unicode as
 * Oniguruma reads them. Java's {@code \s} and {@link Character#isWhitespace} are other sets: they
 * lack U+0085 and the no-break spaces, and count U+001C to U+001F.
 */
enum CharacterKind {
  LETTER,
  NUMBER,
  /** Unicode's White_Space. All of it lies below U+10000. */
  SPACE,
  OTHER;

  private static final CharacterKind[] ASCII = new CharacterKind[128];

  static {
    for (int c = 0; c < ASCII.length; c++) {
      ASCII[c] = compute(c);
    }
  }

  /** {@return the kind of a code point} */
  static CharacterKind of(int codePoint) {
    return codePoint < ASCII.length ? ASCII[codePoint] : compute(codePoint);
  }

  private static CharacterKind compute(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
          SPACE;
      default -> (codePoint >= '\t' && codePoint <= '\r') || codePoint == 0x85 ? SPACE : OTHER;
    };
  }

  /**
   * {@return whether the Digits pre-tokenizer takes a code point for a digit}
   *
   * <p>It follows a later Unicode than the regular expressions do: the numbers that Unicode 17
   * added are digits to it and {@link #OTHER} to them.
   */
  static boolean isDigit(int codePoint) {
    return of(codePoint) == NUMBER
        || (codePoint >= 0x11DE0 && codePoint <= 0x11DE9)
        || (codePoint >= 0x16FF4 && codePoint <= 0x16FF6);
  }

  /** {@return whether a code point is a word character, {@code \w} over Unicode} */
  static boolean isWord(int codePoint) {
    return Character.isAlphabetic(codePoint)
        || switch (Character.getType(codePoint)) {
          case Character.NON_SPACING_MARK,
              Character.ENCLOSING_MARK,
              Character.COMBINING_SPACING_MARK,
              Character.DECIMAL_DIGIT_NUMBER,
              Character.CONNECTOR_PUNCTUATION ->
              true;
          default -> codePoint == 0x200C || codePoint == 0x200D; // Join_Control
        };
  }
}
