package dev.rap.tokenizer;

/**
 * Decodes tokens one by one into text that can be shown at once: it never ends within a character.
 *
 * <p>All texts joined, that of {@link #flush} included, are what {@link Tokenizer#decode} makes of
 * all tokens. For one thread at a time.
 */
public final class TokenStream {
  private final Tokenizer tokenizer;
  private final Utf8Decoder decoder = new Utf8Decoder();

  TokenStream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * {@return the characters that {@code token} completes, often none; special tokens have none}
   *
   * @throws IllegalArgumentException if {@code token} is negative
   */
  public String accept(int token) {
    StringBuilder text = new StringBuilder();
    accept(token, text);
    return text.toString();
  }

  void accept(int token, StringBuilder text) {
    if (!tokenizer.isSpecial(token)) {
      decoder.accept(tokenizer.bytes(token), text);
    }
  }

  /** {@return U+FFFD if a character has begun and not ended, else nothing; begins anew} */
  public String flush() {
    StringBuilder text = new StringBuilder();
    flush(text);
    return text.toString();
  }

  void flush(StringBuilder text) {
    decoder.flush(text);
  }
}
