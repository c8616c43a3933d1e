package dev.rap.tokenizer;

import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * Turns a piece of text into those tokens whose scores have the largest sum.
 *
 * <p>Special tokens are not among those that are looked for: unlike Hugging Face's, this makes none
 * of plain text.
 *
 * <p>Takes one step for each token that fits somewhere in the piece. Characters in a row that are
 * in no token become one unknown token, or the tokens of their bytes.
 *
 * @see <a href="https://arxiv.org/abs/1804.10959">Kudo 2018</a>
 */
final class UnigramEncoder implements Encoder {
  private static final int NONE = -1;
  private static final double UNKNOWN_PENALTY = 10; // SentencePiece's

  private final TextTrie trie = new TextTrie();
  private final double[] scores;
  private final double unknownScore;
  private final int unknown;
  private final int[] byteTokens; // empty where bytes stand for nothing

  /**
   * @param vocabulary has the tokens
   * @param matched says which of those that it has now are looked for
   * @param scores by id
   * @param unknown the unknown token
   * @param byteFallback whether bytes stand for unknown characters
   */
  UnigramEncoder(
      Vocabulary vocabulary,
      IntPredicate matched,
      double[] scores,
      int unknown,
      boolean byteFallback) {
    this.scores = scores.clone();
    this.unknown = unknown;
    vocabulary.forEach(
        (text, id) -> {
          if (matched.test(id) && !text.isEmpty()) {
            trie.add(text, id);
          }
        });
    this.unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
    this.byteTokens = byteFallback ? vocabulary.byteTokens(id -> true) : new int[0];
  }

  @Override
  public Pieces into(IntList out) {
    return new Run(out);
  }

  private final class Run implements Pieces {
    private final IntList out;
    private final Utf8 utf8 = new Utf8();
    private double[] best = new double[0]; // score of the best way to here
    private int[] from = new int[0]; // where its last token begins, or NONE
    private int[] token = new int[0];

    private Run(IntList out) {
      this.out = out;
    }

    @Override
    public void piece(String text, int start, int end, boolean first) {
      int length = end - start;
      if (from.length <= length) {
        best = new double[length + 1];
        from = new int[length + 1];
        token = new int[length + 1];
      }
      Arrays.fill(from, 0, length + 1, NONE);
      best[0] = 0;
      for (int at = start; at < end; ) {
        int next = at + Character.charCount(text.codePointAt(at));
        if (!extend(text, start, at, end, next)) {
          offer(at - start, next - start, unknownScore, unknown);
        }
        at = next;
      }
      walkBack(text, start, length);
    }

    // Returns whether the character that begins at at is a token.
    private boolean extend(String text, int start, int at, int end, int next) {
      boolean single = false;
      int node = TextTrie.ROOT;
      for (int i = at; i < end; ) {
        node = trie.next(node, text.charAt(i++));
        if (node == TextTrie.NONE) {
          break;
        }
        int id = trie.value(node);
        if (id != TextTrie.NONE) {
          offer(at - start, i - start, scores[id], id);
          single |= i == next;
        }
      }
      return single;
    }

    private void offer(int begin, int end, double score, int id) {
      double sum = best[begin] + score;
      if (from[end] == NONE || sum > best[end]) {
        best[end] = sum;
        from[end] = begin;
        token[end] = id;
      }
    }

    // Turns the links round, then goes along them.
    private void walkBack(String text, int start, int length) {
      int next = length;
      for (int at = length; at > 0; ) {
        int begin = from[at];
        from[at] = next;
        next = at;
        at = begin;
      }
      for (int begin = 0, at = next; begin < length; ) {
        int id = token[at];
        int end = at;
        int following = from[at];
        while (id == unknown && end < length && token[following] == unknown) {
          end = following;
          following = from[end];
        }
        if (id == unknown) {
          addUnknown(text, start + begin, start + end);
        } else {
          out.add(id);
        }
        begin = end;
        at = following;
      }
    }

    private void addUnknown(String text, int start, int end) {
      int id = trie.find(text, start, end);
      if (id != TextTrie.NONE) {
        out.add(id);
        return;
      }
      utf8.set(text, start, end);
      boolean all = byteTokens.length > 0;
      for (int i = 0; all && i < utf8.count(); i++) {
        all = byteTokens[utf8.bytes()[i] & 0xFF] != Vocabulary.NONE;
      }
      if (!all) {
        out.add(unknown);
        return;
      }
      for (int i = 0; i < utf8.count(); i++) {
        out.add(byteTokens[utf8.bytes()[i] & 0xFF]);
      }
    }
  }
}
