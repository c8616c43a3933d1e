package dev.rap.tokenizer;

/** The UTF-8 bytes of one piece of well-formed text after another. For one thread. */
final class Utf8 {
  private byte[] bytes = new byte[64];
  private int count;

  /** {@return the bytes, and more behind them; overwritten by the next piece} */
  byte[] bytes() {
    return bytes;
  }

  int count() {
    return count;
  }

  void set(String text, int start, int end) {
    long most = 3L * (end - start); // a char is at most three bytes, a pair of chars four
    if (bytes.length < most) {
      bytes = new byte[Math.toIntExact(most)];
    }
    count = 0;
    for (int i = start; i < end; ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if (c < 0x80) {
        bytes[count++] = (byte) c;
      } else if (c < 0x800) {
        put(0xC0 | (c >> 6), c);
      } else if (c < 0x10000) {
        put(0xE0 | (c >> 12), c >> 6, c);
      } else {
        put(0xF0 | (c >> 18), c >> 12, c >> 6, c);
      }
    }
  }

  private void put(int lead, int... continuations) {
    bytes[count++] = (byte) lead;
    for (int continuation : continuations) {
      bytes[count++] = (byte) (0x80 | (continuation & 0x3F));
    }
  }
}
