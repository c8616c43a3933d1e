package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/**
 * The merges of a vocabulary.
 *
 * @param table of equal ranks the left one goes first
 * @param made the tokens that merges may make
 */
record Merges(MergeTable table, BitSet made) {
  private static final int LONGEST = 1024; // chars; real tokens have less than a hundred

  /** The texts of two tokens. */
  record Pair(String left, String right) {

    /**
     * {@return what a line of a list says}
     *
     * @param source names the file in messages
     * @throws InputException if it is not two tokens with a space between them
     */
    static Pair of(String line, String source, int rank) {
      int space = line.indexOf(' ');
      if (space < 1 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
        throw new InputException(
            "%s: merge %d is %s, expected two tokens with a space between them"
                .formatted(source, rank, Vocabulary.quote(line)));
      }
      return new Pair(line.substring(0, space), line.substring(space + 1));
    }
  }

  /**
   * {@return the merges of a list, the first one first}
   *
   * @param count how many there are
   * @param pairs by rank; asked in order, once each
   * @throws InputException if a token of a merge, or what it makes, is not in the vocabulary
   */
  static Merges listed(Vocabulary vocabulary, int count, IntFunction<Pair> pairs) {
    MergeTable table = new MergeTable(count);
    BitSet made = new BitSet();
    for (int rank = 0; rank < count; rank++) {
      Pair pair = pairs.apply(rank);
      int left = token(vocabulary, rank, pair.left());
      int right = token(vocabulary, rank, pair.right());
      int result = token(vocabulary, rank, pair.left() + pair.right());
      table.add(left, right, rank, result);
      made.set(result);
    }
    return new Merges(table, made);
  }

  private static int token(Vocabulary vocabulary, int rank, String text) {
    return vocabulary.find(text).orElseGet(() -> vocabulary.require(text, "merge " + rank));
  }

  /**
   * {@return the merges of a SentencePiece vocabulary, which lists none: two tokens merge if what
   * they make is a token, those of the highest score first}
   *
   * @param scores by id, at least one for each
   * @param makes whether merges may make a token
   * @throws InputException if a token is too long
   */
  static Merges scored(Vocabulary vocabulary, float[] scores, IntPredicate makes) {
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    IntList found = new IntList(); // left, right, result
    BitSet made = new BitSet();
    for (int id = 0; id < vocabulary.size(); id++) {
      if (makes.test(id)) {
        split(vocabulary, requireShort(vocabulary, id), id, found);
        made.set(id);
      }
    }
    int[] triples = found.from(0);
    MergeTable table = new MergeTable(triples.length / 3);
    for (int i = 0; i < triples.length; i += 3) {
      table.add(triples[i], triples[i + 1], rank(sorted, scores[triples[i + 2]]), triples[i + 2]);
    }
    return new Merges(table, made);
  }

  private static void split(Vocabulary vocabulary, String text, int id, IntList found) {
    for (int at = 0; at < text.length(); ) {
      at += Character.charCount(text.codePointAt(at));
      OptionalInt left = vocabulary.find(text.substring(0, at));
      if (left.isPresent() && at < text.length()) {
        vocabulary
            .find(text.substring(at))
            .ifPresent(
                right -> {
                  found.add(left.getAsInt());
                  found.add(right);
                  found.add(id);
                });
      }
    }
  }

  private static String requireShort(Vocabulary vocabulary, int id) {
    String text = vocabulary.text(id).orElse("");
    if (text.length() > LONGEST) {
      throw new InputException(
          "%s: the token %d, %s, has %d characters, expected at most %d: use another file"
              .formatted(vocabulary.source(), id, Vocabulary.quote(text), text.length(), LONGEST));
    }
    return text;
  }

  // How many scores are higher, so that equal scores have one rank.
  private static int rank(float[] sorted, float score) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (Float.compare(sorted[middle], score) > 0) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return sorted.length - low;
  }
}
