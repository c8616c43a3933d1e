package dev.rap.tokenizer;

/** Tokens that stand for a byte, {@code <0x0A>}, where a vocabulary lacks a character. */
final class ByteToken {
  private static final int NONE = -1;
  private static final int LENGTH = 6;

  private ByteToken() {}

  /** {@return the text of the token of {@code b}, 0 to 255} */
  static String text(int b) {
    return "<0x%02X>".formatted(b);
  }

  /** {@return whether {@code text} is such a token} */
  static boolean is(String text) {
    return value(text) != NONE;
  }

  /** {@return the byte that such a token stands for, 0 to 255} */
  static int value(String text) {
    if (text.length() != LENGTH || !text.startsWith("<0x") || !text.endsWith(">")) {
      return NONE;
    }
    int high = hex(text.charAt(3));
    int low = hex(text.charAt(4));
    return high < 0 || low < 0 ? NONE : 16 * high + low;
  }

  private static int hex(char c) {
    return c < 0x80 ? Character.digit(c, 16) : NONE;
  }
}
