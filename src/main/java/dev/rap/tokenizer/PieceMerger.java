package dev.rap.tokenizer;

/**
 * Merges the tokens of one piece, lowest rank first and from the left, until nothing merges.
 *
 * <p>Takes O(n) steps: possible merges wait in a queue, and one that has been overtaken is
 * recognised when its turn comes. Reused from piece to piece by one thread.
 *
 * @see <a href="https://arxiv.org/abs/1508.07909">Sennrich, Haddow and Birch 2016</a>
 */
final class PieceMerger {
  private static final int GONE = -1;

  private final MergeTable merges;
  private final LongQueue waiting = new LongQueue(); // rank in the high half, position in the low
  private int[] tokens = new int[64]; // at the position where the token began, or GONE
  // Tokens a merged token took in, at its first and at its last position: neighbours on both sides
  // find its ends there.
  private int[] spans = new int[64];
  private int count;

  PieceMerger(MergeTable merges) {
    this.merges = merges;
  }

  /** Makes room for {@code most} tokens and forgets the last piece. */
  void begin(int most) {
    if (tokens.length < most) {
      tokens = new int[most];
      spans = new int[most];
    }
    count = 0;
  }

  /** Appends a token to the piece. */
  void add(int token) {
    tokens[count] = token;
    spans[count++] = 1;
  }

  /** Merges the piece and appends what is left to {@code out}. */
  void finish(IntList out) {
    for (int at = 0; at + 1 < count; at++) {
      offer(at, at + 1);
    }
    while (!waiting.isEmpty()) {
      long next = waiting.pop();
      merge((int) (next >>> 32), (int) next);
    }
    for (int at = 0; at < count; at += spans[at]) {
      out.add(tokens[at]);
    }
  }

  private void merge(int rank, int left) {
    int right = left + spans[left];
    if (tokens[left] == GONE || right >= count) {
      return;
    }
    int place = merges.find(tokens[left], tokens[right]);
    if (merges.rank(place) != rank) {
      return; // overtaken: one of the two has merged with another since
    }
    int end = right + spans[right];
    tokens[left] = merges.result(place);
    tokens[right] = GONE;
    spans[left] = end - left;
    spans[end - 1] = end - left;
    if (left > 0) {
      offer(left - spans[left - 1], left);
    }
    if (end < count) {
      offer(left, end);
    }
  }

  private void offer(int left, int right) {
    int rank = merges.rank(merges.find(tokens[left], tokens[right]));
    if (rank != MergeTable.NONE) {
      waiting.push(((long) rank << 32) | left);
    }
  }
}
