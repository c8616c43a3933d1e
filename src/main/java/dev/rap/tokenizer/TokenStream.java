package dev.rap.tokenizer;

import java.util.function.Function;
import java.util.function.ObjIntConsumer;

/**
 * Decodes tokens one by one into text that can be shown at once: it never ends within a character.
 *
 * <p>All texts joined, that of {@link #flush} included, are what {@link Tokenizer#decode} makes of
 * all tokens; but where {@code <0xE2>} and the like stand for bytes, and several in a row are not
 * UTF-8, what is UTF-8 of them has been shown already, while decode replaces every byte. For one
 * thread at a time.
 */
public final class TokenStream {
  private final Function<StringBuilder, Texts> decoder;
  private final ObjIntConsumer<Texts> source;
  private final StringBuilder text = new StringBuilder();
  private Texts texts;

  /**
   * @param decoder makes a decoder that appends to what it is given
   * @param source hands the text of a token on
   */
  TokenStream(Function<StringBuilder, Texts> decoder, ObjIntConsumer<Texts> source) {
    this.decoder = decoder;
    this.source = source;
    this.texts = decoder.apply(text);
  }

  /**
   * {@return the characters that {@code token} completes, often none; special tokens have none}
   *
   * @throws IllegalArgumentException if {@code token} is negative
   */
  public String accept(int token) {
    source.accept(texts, token);
    return taken();
  }

  /** {@return U+FFFD if a character has begun and not ended, else nothing; begins anew} */
  public String flush() {
    texts.end();
    texts = decoder.apply(text);
    return taken();
  }

  private String taken() {
    String taken = text.toString();
    text.setLength(0);
    return taken;
  }
}
