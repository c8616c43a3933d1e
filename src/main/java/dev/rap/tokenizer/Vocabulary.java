package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The tokens of a model: an id for each text, a text for each id. Ids may have gaps.
 *
 * <p>Texts are as the file has them: for ordinary tokens of byte-level vocabularies in the {@link
 * ByteAlphabet}, for others with {@code ▁} for a space.
 */
final class Vocabulary {
  /** One more than the largest id that is believed; the largest known vocabularies have 2^18. */
  static final int MOST_IDS = 1 << 22;

  private final String source;
  private final Map<String, Integer> ids = new HashMap<>();
  private String[] texts = new String[1024]; // by id; null for none
  private int size; // one more than the largest id

  /**
   * @param source names the file in messages
   */
  Vocabulary(String source) {
    this.source = source;
  }

  /**
   * Adds a token; adding it again changes nothing.
   *
   * @throws InputException if the id is out of range, or the text or the id is taken
   */
  void add(String text, long id) {
    if (id < 0 || id >= MOST_IDS) {
      throw new InputException(
          "%s gives the token %s the id %d; ids must be between 0 and %d"
              .formatted(source, quote(text), id, MOST_IDS - 1));
    }
    int index = (int) id;
    Integer other = ids.putIfAbsent(text, index);
    if (other != null && other != index) {
      throw new InputException(
          "%s gives the token %s two ids, %d and %d; a token must have one"
              .formatted(source, quote(text), other, index));
    }
    grow(index + 1);
    if (texts[index] != null && !texts[index].equals(text)) {
      throw new InputException(
          "%s gives the id %d to two tokens, %s and %s; an id must belong to one"
              .formatted(source, index, quote(texts[index]), quote(text)));
    }
    texts[index] = text;
  }

  private void grow(int least) {
    if (least > texts.length) {
      texts = Arrays.copyOf(texts, Math.max(least, texts.length * 2));
    }
    size = Math.max(size, least);
  }

  /** {@return the name of the file, for messages} */
  String source() {
    return source;
  }

  /** {@return one more than the largest id} */
  int size() {
    return size;
  }

  OptionalInt find(String text) {
    Integer id = ids.get(text);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** {@return the text of a token; empty for an id that has none} */
  Optional<String> text(int id) {
    return id < 0 || id >= size ? Optional.empty() : Optional.ofNullable(texts[id]);
  }

  /** {@return a view of all ids by text} */
  Map<String, Integer> ids() {
    return Collections.unmodifiableMap(ids);
  }

  /**
   * {@return the id of a token that {@code use} names}
   *
   * @throws InputException if there is no such token
   */
  int require(String text, String use) {
    return find(text)
        .orElseThrow(
            () ->
                new InputException(
                    "%s: %s names the token %s, which is not in the vocabulary of %d tokens"
                        .formatted(source, use, quote(text), ids.size())));
  }

  /**
   * {@return an id that {@code use} names}
   *
   * @throws InputException if no token has it
   */
  int requireId(long id, String use) {
    if (id < 0 || id >= size || texts[(int) id] == null) {
      throw new InputException(
          "%s: %s names the id %d, which no token has: fetch the file again"
              .formatted(source, use, id));
    }
    return (int) id;
  }

  /** {@return a text from a file for a message: short, on one line, harmless on a terminal} */
  static String quote(String text) {
    String begin = text.length() > 40 ? text.substring(0, 40) + "…" : text;
    return "\"" + begin.replaceAll("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]", "?") + "\"";
  }
}
