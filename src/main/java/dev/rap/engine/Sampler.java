package dev.rap.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Draws tokens for one sequence. */
final class Sampler {
  // Candidates this many nats below the best are looked at only if the better ones do not do.
  private static final float NEAR_NATS = 16;

  private final SamplingOptions options;
  private final SplittableRandom random;
  private final int vocabularySize;

  // Made when first needed: where logits stay on a GPU they never are.
  private float[] scores = {};
  private long[] ranked = {}; // order-preserving score bits, then ~token: descending = best first

  Sampler(SamplingOptions options, int vocabularySize) {
    this.options = options;
    this.random = new SplittableRandom(options.seed());
    this.vocabularySize = vocabularySize;
  }

  SamplingOptions options() {
    return options;
  }

  double nextUniform() {
    return random.nextDouble();
  }

  /**
   * {@return the next token}
   *
   * @param logits float {@code [rows, V]}
   * @param tokens that occurred so far, in {@code [0, length)}
   */
  int sample(MemorySegment logits, int row, int[] tokens, int length) {
    if (scores.length == 0) {
      scores = new float[vocabularySize];
    }
    long first = (long) row * scores.length * Float.BYTES;
    MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, first, scores, 0, scores.length);
    if (options.repetitionPenalty() != 1) {
      penalise(tokens, length);
    }
    if (options.isGreedy()) {
      return best();
    }
    return draw();
  }

  private void penalise(int[] tokens, int length) {
    int[] distinct = Arrays.stream(tokens, 0, length).distinct().toArray();
    for (int token : distinct) {
      double penalty = options.repetitionPenalty();
      scores[token] =
          (float) (scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty);
    }
  }

  private int best() {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      if (scores[i] > scores[best]) {
        best = i;
      }
    }
    return best;
  }

  // Scores become probabilities relative to the best token's, which cancels in every rule.
  private int draw() {
    float max = scores[best()];
    double total = 0;
    for (int i = 0; i < scores.length; i++) {
      scores[i] = (float) Math.exp((scores[i] - max) / options.temperature());
      total += scores[i];
    }
    if (!Double.isFinite(total)) { // logits that are no numbers
      return best();
    }
    if (options.topK() == 0 && options.topP() == 1 && options.minP() == 0) {
      return drawAny(total);
    }
    int kept = rank((float) Math.exp(-NEAR_NATS));
    if (!settled(kept, total)) {
      kept = rank(0);
    }
    return drawRanked(kept, total);
  }

  private int drawAny(double total) {
    double left = nextUniform() * total;
    for (int i = 0; i < scores.length; i++) {
      left -= scores[i];
      if (left < 0) {
        return i;
      }
    }
    return best();
  }

  // Fills ranked with tokens of at least this weight, best first.
  private int rank(float atLeast) {
    if (ranked.length == 0) {
      ranked = new long[vocabularySize];
    }
    int count = 0;
    for (int i = 0; i < scores.length; i++) {
      if (scores[i] >= atLeast) {
        // Weights are not negative, so their bits are ordered as they are.
        ranked[count++] = -(((long) Float.floatToRawIntBits(scores[i]) << 32) | (0xffffffffL - i));
      }
    }
    Arrays.sort(ranked, 0, count);
    return count;
  }

  private int token(int rank) {
    return (int) (0xffffffffL - (-ranked[rank] & 0xffffffffL));
  }

  // Whether the tokens left out could not have been kept by any rule.
  private boolean settled(int count, double total) {
    if (options.topK() > 0 && count >= options.topK()) {
      return true;
    }
    if (options.minP() >= Math.exp(-NEAR_NATS)) {
      return true;
    }
    return options.topP() < 1 && weight(count) >= options.topP() * total;
  }

  private double weight(int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += scores[token(i)];
    }
    return sum;
  }

  private int drawRanked(int count, double total) {
    int kept = options.topK() == 0 ? count : Math.min(count, options.topK());
    double mass = options.topK() == 0 ? total : weight(kept);
    double reached = 0;
    int last = 0;
    while (last < kept && (last == 0 || reached < options.topP() * mass)) {
      double weight = scores[token(last)];
      if (weight < options.minP()) { // the best token's weight is 1
        break;
      }
      reached += weight;
      last++;
    }
    double left = nextUniform() * reached;
    for (int i = 0; i < last; i++) {
      left -= scores[token(i)];
      if (left < 0) {
        return token(i);
      }
    }
    return token(last - 1);
  }
}
