package dev.rap.tokenizer;

import dev.rap.InputException;

/** Adds the merges of a file to a {@link MergeTable}, in order. */
final class MergeReader {
  private final String source;
  private final Vocabulary vocabulary;
  private final MergeTable merges;
  private int rank;

  /**
   * @param source names the file in messages
   * @param count the most merges that will be added
   */
  MergeReader(String source, Vocabulary vocabulary, int count) {
    this.source = source;
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
              .formatted(source, rank, Vocabulary.quote(merge)));
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
    merges.add(
        vocabulary.require(left, use),
        vocabulary.require(right, use),
        rank,
        vocabulary.require(left + right, use));
    rank++;
  }

  MergeTable merges() {
    return merges;
  }
}
