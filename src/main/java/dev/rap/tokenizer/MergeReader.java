package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.BitSet;
import java.util.List;

/** Adds the merges of a file to a {@link MergeTable}, in order. */
final class MergeReader {
  private final Vocabulary vocabulary;
  private final MergeTable merges;
  private final BitSet results = new BitSet();
  private int rank;

  /**
   * @param count the most merges that will be added
   */
  MergeReader(Vocabulary vocabulary, int count) {
    this.vocabulary = vocabulary;
    this.merges = new MergeTable(count);
  }

  /**
   * Adds a merge that is written as its two tokens with a space between.
   *
   * @throws InputException if it is not, or its tokens are not in the vocabulary
   */
  void add(String merge) {
    int space = merge.indexOf(' ');
    if (space < 1 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
      throw new InputException(
          "%s: merge %d is %s, expected two tokens with a space between them"
              .formatted(vocabulary.source(), rank, Vocabulary.quote(merge)));
    }
    add(merge.substring(0, space), merge.substring(space + 1));
  }

  /**
   * Adds a merge.
   *
   * @throws InputException if one of the two tokens, or what they make, is not in the vocabulary
   */
  void add(String left, String right) {
    String use = "merge " + rank;
    int first = vocabulary.require(left, use);
    int second = vocabulary.require(right, use);
    int result = vocabulary.require(left + right, use);
    merges.add(first, second, rank, result);
    results.set(result);
    rank++;
  }

  MergeTable merges() {
    return merges;
  }

  /** {@return the texts of the tokens that merges make} */
  List<String> merged() {
    return results.stream().mapToObj(id -> vocabulary.text(id).orElseThrow()).toList();
  }
}
