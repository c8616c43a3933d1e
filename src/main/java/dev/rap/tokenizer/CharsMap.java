package dev.rap.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.text.BreakIterator;
import java.util.Locale;

/**
 * SentencePiece's compiled rules of normalisation: a double array of what is replaced, and the
 * replacements, each ended by a zero.
 *
 * <p>A short grapheme cluster is looked up as a whole, and replaced as a whole even if only its
 * beginning is found; else each of its characters is. That is Hugging Face's way, not
 * SentencePiece's, which takes the longest rule that fits.
 *
 * @see <a href="https://github.com/google/sentencepiece/blob/master/src/normalizer.cc">the format,
 *     in SentencePiece</a>
 */
final class CharsMap implements Normalizer {
  private static final int LONGEST_CLUSTER = 5; // bytes
  static final int LONGEST_REPLACEMENT = 64; // bytes; the longest of NFKC has 33
  private static final int NONE = -1;

  private final int[] units;
  private final byte[] replacements;

  /**
   * @param bytes as in the file: the length of the double array, the double array, replacements
   * @throws IllegalArgumentException if they are not that; the message ends a sentence
   */
  CharsMap(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int length = bytes.length < 4 ? NONE : in.getInt();
    if (length < 0 || length % 4 != 0 || length > in.remaining()) {
      throw new IllegalArgumentException(
          "has %d bytes that are no compiled rules".formatted(bytes.length));
    }
    units = new int[length / 4];
    in.asIntBuffer().get(units);
    in.position(in.position() + length);
    replacements = new byte[in.remaining()];
    in.get(replacements);
    requireShort();
  }

  private void requireShort() {
    int length = 0;
    for (byte b : replacements) {
      length = b == 0 ? 0 : length + 1;
      if (length > LONGEST_REPLACEMENT) {
        throw new IllegalArgumentException(
            "has a replacement of more than %d bytes".formatted(LONGEST_REPLACEMENT));
      }
    }
  }

  @Override
  public String apply(String text) {
    StringBuilder out = new StringBuilder(text.length());
    BreakIterator clusters = BreakIterator.getCharacterInstance(Locale.ROOT);
    clusters.setText(text);
    int start = 0;
    for (int end = clusters.next(); end != BreakIterator.DONE; end = clusters.next()) {
      add(text.substring(start, end), out);
      start = end;
    }
    return out.toString();
  }

  private void add(String cluster, StringBuilder out) {
    byte[] bytes = cluster.getBytes(StandardCharsets.UTF_8);
    int rule = bytes.length <= LONGEST_CLUSTER ? find(bytes) : NONE;
    if (rule != NONE) {
      out.append(replacement(rule));
    } else if (cluster.codePointCount(0, cluster.length()) == 1) {
      out.append(cluster);
    } else {
      cluster.codePoints().forEach(c -> addCharacter(Character.toString(c), out));
    }
  }

  private void addCharacter(String character, StringBuilder out) {
    int rule = find(character.getBytes(StandardCharsets.UTF_8));
    out.append(rule == NONE ? character : replacement(rule));
  }

  // Where the replacement of the shortest beginning of bytes that has one begins.
  private int find(byte[] bytes) {
    if (units.length == 0) {
      return NONE;
    }
    int at = offset(units[0]);
    for (byte b : bytes) {
      if (b == 0) {
        return NONE;
      }
      at ^= b & 0xFF;
      if (at >= units.length || (units[at] & 0x800000FF) != (b & 0xFF)) {
        return NONE;
      }
      int unit = units[at];
      at ^= offset(unit);
      if ((unit & 0x100) != 0) {
        return at < units.length ? units[at] & Integer.MAX_VALUE : NONE;
      }
    }
    return NONE;
  }

  private static int offset(int unit) {
    return (unit >>> 10) << ((unit & 0x200) >>> 6);
  }

  private String replacement(int start) {
    int end = start;
    while (end < replacements.length && replacements[end] != 0) {
      end++;
    }
    return start >= end ? "" : new String(replacements, start, end - start, StandardCharsets.UTF_8);
  }
}
