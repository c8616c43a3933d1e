package dev.rap.tokenizer;

/**
 * Decodes UTF-8 that arrives in parts. What is not UTF-8 becomes U+FFFD, one for each longest
 * beginning of a character.
 *
 * <p>Java's own decoder differs: it makes one U+FFFD of a surrogate's three bytes, not three.
 *
 * @see <a href="https://encoding.spec.whatwg.org/#utf-8-decoder">WHATWG Encoding, UTF-8 decoder</a>
 */
final class Utf8Decoder {
  private static final char REPLACEMENT = '\uFFFD';

  private int codePoint;
  private int missing; // bytes that the character still lacks
  private int lowest = 0x80; // of the next byte
  private int highest = 0xBF;

  /** Appends the characters that {@code bytes} complete. */
  void accept(byte[] bytes, StringBuilder out) {
    for (byte b : bytes) {
      accept(b & 0xFF, out);
    }
  }

  /** Appends U+FFFD if a character has begun and not ended; forgets it. */
  void flush(StringBuilder out) {
    if (missing > 0) {
      out.append(REPLACEMENT);
      missing = 0;
    }
  }

  private void accept(int b, StringBuilder out) {
    if (missing > 0 && (b < lowest || b > highest)) {
      flush(out); // and b begins anew
    }
    if (missing == 0) {
      begin(b, out);
      return;
    }
    codePoint = (codePoint << 6) | (b & 0x3F);
    lowest = 0x80;
    highest = 0xBF;
    if (--missing == 0) {
      out.appendCodePoint(codePoint);
    }
  }

  // The bounds of the second byte exclude overlong forms, surrogates, and what is above U+10FFFF.
  private void begin(int b, StringBuilder out) {
    lowest = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    highest = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    if (b < 0x80) {
      out.append((char) b);
    } else if (b >= 0xC2 && b <= 0xDF) {
      missing = 1;
      codePoint = b & 0x1F;
    } else if (b >= 0xE0 && b <= 0xEF) {
      missing = 2;
      codePoint = b & 0xF;
    } else if (b >= 0xF0 && b <= 0xF4) {
      missing = 3;
      codePoint = b & 0x7;
    } else {
      out.append(REPLACEMENT);
    }
  }
}
