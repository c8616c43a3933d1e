package dev.rap.tokenizer;

/** Text without lone surrogates, which UTF-8 has no bytes for. */
final class WellFormed {
  private WellFormed() {}

  /** {@return {@code text} with U+FFFD for each lone surrogate} */
  static String of(String text) {
    int lone = firstLone(text, 0);
    if (lone == text.length()) {
      return text;
    }
    StringBuilder mended = new StringBuilder(text);
    while (lone < text.length()) {
      mended.setCharAt(lone, '\uFFFD');
      lone = firstLone(text, lone + 1);
    }
    return mended.toString();
  }

  private static int firstLone(String text, int start) {
    int at = start;
    while (at < text.length()) {
      char c = text.charAt(at);
      boolean pair =
          Character.isHighSurrogate(c)
              && at + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(at + 1));
      if (Character.isSurrogate(c) && !pair) {
        return at;
      }
      at += pair ? 2 : 1;
    }
    return at;
  }
}
