package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntPredicate;
import java.util.function.ObjIntConsumer;

/**
 * The tokens of a model: an id for each text, a text for each id. Ids may have gaps.
 *
 * <p>Texts are as the file has them: for ordinary tokens of byte-level vocabularies in the {@link
 * ByteAlphabet}, for others with {@code ▁} for a space.
 */
final class Vocabulary {
  /** One more than the largest id that is believed; the largest known vocabularies have 2^18. */
  static final int MOST_IDS = 1 << 22;

  /** Stands for no token where ids are held as numbers. */
  static final int NONE = -1;

  private final String source;

  // Open addressing, linear probing, at most half full: ids, found by their texts.
  private int[] slots = free(1 << 11);
  private String[] texts = new String[1 << 10]; // by id; null for none
  private int size; // one more than the largest id
  private int count; // of tokens

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
    int slot = slot(text);
    int other = slots[slot];
    if (other != NONE && other != index) {
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
    if (other == NONE) {
      texts[index] = text;
      slots[slot] = index;
      count++;
      if (count * 2 > slots.length) {
        rehash();
      }
    }
  }

  private void grow(int least) {
    if (least > texts.length) {
      texts = Arrays.copyOf(texts, Math.max(least, texts.length * 2));
    }
    size = Math.max(size, least);
  }

  private static int[] free(int slots) {
    int[] free = new int[slots];
    Arrays.fill(free, NONE);
    return free;
  }

  // Where the text's id is or, if it has none, would go.
  private int slot(String text) {
    int mask = slots.length - 1;
    int slot = Scatter.of(text) & mask;
    while (slots[slot] != NONE && !texts[slots[slot]].equals(text)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void rehash() {
    slots = free(slots.length * 2);
    forEach((text, id) -> slots[slot(text)] = id);
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
    int id = slots[slot(text)];
    return id == NONE ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** {@return the text of a token; empty for an id that has none} */
  Optional<String> text(int id) {
    return id < 0 || id >= size ? Optional.empty() : Optional.ofNullable(texts[id]);
  }

  /** Calls {@code action} with the text and the id of each token, in the order of ids. */
  void forEach(ObjIntConsumer<String> action) {
    for (int id = 0; id < size; id++) {
      if (texts[id] != null) {
        action.accept(texts[id], id);
      }
    }
  }

  /**
   * {@return the id of each byte's token, or {@link #NONE}}
   *
   * @param counts which tokens are looked at
   */
  int[] byteTokens(IntPredicate counts) {
    int[] tokens = new int[256];
    for (int b = 0; b < tokens.length; b++) {
      int id = find(ByteToken.text(b)).orElse(NONE);
      tokens[b] = id == NONE || counts.test(id) ? id : NONE;
    }
    return tokens;
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
                        .formatted(source, use, quote(text), count)));
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
