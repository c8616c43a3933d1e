package dev.rap.tokenizer;

import dev.rap.regex.Regex;
import dev.rap.tokenizer.Split.Behavior;
import java.nio.charset.StandardCharsets;

/**
 * What Hugging Face calls ByteLevel: GPT-2's cuts, and bytes written in the {@link ByteAlphabet}.
 *
 * @param prefixSpace whether a piece that does not begin with a space is given one
 * @param cuts whether it cuts by GPT-2's expression
 * @param writes whether it writes bytes in the alphabet; where it does not, the encoder reads bytes
 */
record ByteLevel(boolean prefixSpace, boolean cuts, boolean writes) implements PreTokenizer {
  /** GPT-2's expression. */
  static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final Split CUTS = new Split(Regex.of(GPT2), Behavior.ISOLATED);

  @Override
  public Pieces into(Pieces next) {
    Pieces written = writes ? (text, start, end, first) -> write(text, start, end, next) : next;
    Pieces cut = cuts ? CUTS.into(written) : written;
    return prefixSpace ? (text, start, end, first) -> prefix(text, start, end, first, cut) : cut;
  }

  private static void prefix(String text, int start, int end, boolean first, Pieces next) {
    if (start < end && text.charAt(start) != ' ') {
      String prefixed = " " + text.substring(start, end);
      next.piece(prefixed, 0, prefixed.length(), first);
    } else {
      next.piece(text, start, end, first);
    }
  }

  private static void write(String text, int start, int end, Pieces next) {
    String written = written(text.substring(start, end));
    next.piece(written, 0, written.length(), false);
  }

  /** {@return the UTF-8 of a text, in the alphabet} */
  static String written(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return ByteAlphabet.text(bytes, bytes.length);
  }
}
