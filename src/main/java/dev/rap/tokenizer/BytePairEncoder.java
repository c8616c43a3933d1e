package dev.rap.tokenizer;

import static dev.rap.tokenizer.Vocabulary.NONE;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.IntPredicate;

/**
 * Turns a piece of text into tokens: its characters or bytes, each a token, merged.
 *
 * <p>A character that is not in the vocabulary becomes the tokens of its bytes, if there are all of
 * them and they are wanted; else the unknown token; where there is none it is left out. All that is
 * what Hugging Face does.
 */
final class BytePairEncoder implements Encoder {
  /**
   * How a piece is read.
   *
   * @param bytes whether a piece is UTF-8 to be written in the {@link ByteAlphabet}
   * @param byteFallback whether bytes stand for characters that are not in the vocabulary
   * @param ignoreMerges whether a piece that is in the vocabulary is that token, even if no merges
   *     lead to it
   * @param fuseUnknown whether several unknown characters in a row are one unknown token
   */
  record Reading(boolean bytes, boolean byteFallback, boolean ignoreMerges, boolean fuseUnknown) {
    static final Reading BYTES = new Reading(true, false, false, false);
  }

  private final int[] plane = new int[1 << 16]; // the token of a character, or NONE
  private final Map<Integer, Integer> beyond = new HashMap<>(); // the same above U+FFFF
  private final int[] byteTokens;
  private final MergeTable merges;
  private final Vocabulary vocabulary;
  private final BitSet whole = new BitSet(); // tokens that a piece may be whatever the merges say
  private final Reading reading;
  private final OptionalInt unknown;

  /**
   * @param vocabulary has the tokens
   * @param made says which of those that it has now are made of text
   * @param unknown stands for what is not in the vocabulary
   */
  BytePairEncoder(
      Vocabulary vocabulary,
      IntPredicate made,
      MergeTable merges,
      Reading reading,
      OptionalInt unknown) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.reading = reading;
    this.unknown = unknown;
    this.byteTokens = reading.byteFallback() ? vocabulary.byteTokens(made) : new int[0];
    Arrays.fill(plane, NONE);
    vocabulary.forEach(
        (text, id) -> {
          if (made.test(id)) {
            add(text, id);
          }
        });
  }

  private void add(String text, int id) {
    if (reading.ignoreMerges()) {
      whole.set(id);
    }
    if (text.length() == 1) {
      plane[text.charAt(0)] = id;
    } else if (text.length() == 2 && Character.charCount(text.codePointAt(0)) == 2) {
      beyond.put(text.codePointAt(0), id);
    }
  }

  /** {@return whether a character is a token} */
  boolean knows(int codePoint) {
    return token(codePoint) != NONE;
  }

  private int token(int codePoint) {
    return codePoint < plane.length ? plane[codePoint] : beyond.getOrDefault(codePoint, NONE);
  }

  @Override
  public Pieces into(IntList out) {
    return new Run(out);
  }

  private final class Run implements Pieces {
    private final IntList out;
    private final PieceMerger merger = new PieceMerger(merges);
    private final Utf8 utf8 = new Utf8();
    private boolean unknownWaits; // for the next known token

    private Run(IntList out) {
      this.out = out;
    }

    @Override
    public void piece(String text, int start, int end, boolean first) {
      if (reading.bytes()) {
        utf8.set(text, start, end);
      }
      if (reading.ignoreMerges()) {
        OptionalInt token =
            vocabulary.find(
                reading.bytes()
                    ? ByteAlphabet.text(utf8.bytes(), utf8.count())
                    : text.substring(start, end));
        if (token.isPresent() && whole.get(token.getAsInt())) {
          out.add(token.getAsInt());
          return;
        }
      }
      if (reading.bytes()) {
        addBytes();
      } else {
        addCharacters(text, start, end);
      }
      addUnknown();
      merger.finish(out);
    }

    private void addBytes() {
      merger.begin(utf8.count());
      for (int i = 0; i < utf8.count(); i++) {
        add(plane[ByteAlphabet.character(utf8.bytes()[i] & 0xFF)]);
      }
    }

    private void addCharacters(String text, int start, int end) {
      merger.begin(reading.byteFallback() ? Math.multiplyExact(3, end - start) : end - start);
      for (int at = start; at < end; ) {
        int c = text.codePointAt(at);
        int next = at + Character.charCount(c);
        int token = token(c);
        if (token == NONE && reading.byteFallback()) {
          utf8.set(text, at, next);
          if (addFallback()) {
            at = next;
            continue;
          }
        }
        add(token);
        at = next;
      }
    }

    private boolean addFallback() {
      for (int i = 0; i < utf8.count(); i++) {
        if (byteTokens[utf8.bytes()[i] & 0xFF] == NONE) {
          return false;
        }
      }
      for (int i = 0; i < utf8.count(); i++) {
        merger.add(byteTokens[utf8.bytes()[i] & 0xFF]);
      }
      return true;
    }

    // In Hugging Face's order: an unknown token goes in when a known one follows, not before.
    private void add(int token) {
      if (token != NONE) {
        addUnknown();
        merger.add(token);
      } else if (unknown.isPresent()) {
        if (!reading.fuseUnknown()) {
          addUnknown();
        }
        unknownWaits = true;
      }
    }

    private void addUnknown() {
      if (unknownWaits) {
        merger.add(unknown.getAsInt());
        unknownWaits = false;
      }
    }
  }
}
