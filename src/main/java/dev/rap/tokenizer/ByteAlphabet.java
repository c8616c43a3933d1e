package dev.rap.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The characters that stand for the 256 bytes in the texts of a byte-level vocabulary.
 *
 * <p>Printable bytes of Latin-1 stand for themselves; the 68 others, in order, are U+0100 and up,
 * so that a space is {@code Ġ} and a line feed is {@code Ċ}.
 *
 * @see <a href="https://github.com/openai/gpt-2/blob/master/src/encoder.py">GPT-2's encoder,
 *     Radford et al. 2019</a>
 */
final class ByteAlphabet {
  private static final char[] CHARACTERS = new char[256];
  private static final short[] BYTES = new short[256 + 68]; // by character; -1 for none

  static {
    Arrays.fill(BYTES, (short) -1);
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      CHARACTERS[b] = printable ? (char) b : next++;
      BYTES[CHARACTERS[b]] = (short) b;
    }
  }

  private ByteAlphabet() {}

  /** {@return the character that stands for {@code b}, 0 to 255} */
  static char character(int b) {
    return CHARACTERS[b];
  }

  /** {@return the text that stands for the first {@code count} of {@code bytes}} */
  static String text(byte[] bytes, int count) {
    char[] text = new char[count];
    for (int i = 0; i < count; i++) {
      text[i] = CHARACTERS[bytes[i] & 0xFF];
    }
    return new String(text);
  }

  /**
   * {@return the bytes that {@code text} stands for; if one of its characters stands for none, the
   * whole text in UTF-8, as Hugging Face's decoder has it}
   */
  static byte[] bytes(String text) {
    byte[] bytes = new byte[text.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = text.charAt(i);
      if (c >= BYTES.length || BYTES[c] < 0) {
        return text.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) BYTES[c];
    }
    return bytes;
  }
}
