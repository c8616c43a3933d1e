package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntPredicate;

/**
 * The merges of a SentencePiece vocabulary, which lists none: two tokens merge if what they make is
 * a token, those of the highest score first.
 *
 * @param merges of equal scores the left one goes first
 * @param merged the texts that merges make
 */
record ScoredMerges(MergeTable merges, List<String> merged) {
  private static final int LONGEST = 1024; // chars; real tokens have less than a hundred

  /**
   * {@return the merges of a vocabulary}
   *
   * @param scores by id, at least one for each
   * @param makes whether merges may make a token
   * @throws InputException if a token is too long
   */
  static ScoredMerges of(Vocabulary vocabulary, float[] scores, IntPredicate makes) {
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    IntList found = new IntList(); // left, right, result
    List<String> merged = new ArrayList<>();
    for (int id = 0; id < vocabulary.size(); id++) {
      String text = vocabulary.text(id).orElse("");
      if (makes.test(id)) {
        requireShort(vocabulary, id, text);
        merged.add(text);
        split(vocabulary, text, id, found);
      }
    }
    int[] triples = found.from(0);
    MergeTable merges = new MergeTable(triples.length / 3);
    for (int i = 0; i < triples.length; i += 3) {
      int rank = rank(sorted, scores[triples[i + 2]]);
      merges.add(triples[i], triples[i + 1], rank, triples[i + 2]);
    }
    return new ScoredMerges(merges, merged);
  }

  private static void requireShort(Vocabulary vocabulary, int id, String text) {
    if (text.length() > LONGEST) {
      throw new InputException(
          "%s: the token %d, %s, has %d characters, expected at most %d: use another file"
              .formatted(vocabulary.source(), id, Vocabulary.quote(text), text.length(), LONGEST));
    }
  }

  private static void split(Vocabulary vocabulary, String text, int id, IntList found) {
    for (int at = 0; at < text.length(); ) {
      at += Character.charCount(text.codePointAt(at));
      OptionalInt left = vocabulary.find(text.substring(0, at));
      OptionalInt right = vocabulary.find(text.substring(at));
      if (at < text.length() && left.isPresent() && right.isPresent()) {
        found.add(left.getAsInt());
        found.add(right.getAsInt());
        found.add(id);
      }
    }
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
