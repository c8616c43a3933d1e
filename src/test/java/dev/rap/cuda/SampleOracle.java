package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Draws from rows of logits, with all probabilities in float64 and sorted. */
final class SampleOracle {
  /** Bytes of a struct rap_cuda_draw. */
  static final long DRAW_BYTES = 24;

  private final double[] weights;
  private final int best;

  /** How one row is drawn: struct rap_cuda_draw. */
  record Draw(float temperature, int topK, float topP, float minP, double uniform) {
    static Draw read(MemorySegment draws, int row) {
      MemorySegment draw = draws.asSlice(row * DRAW_BYTES, DRAW_BYTES);
      return new Draw(
          draw.get(ValueLayout.JAVA_FLOAT, 0),
          draw.get(ValueLayout.JAVA_INT, 4),
          draw.get(ValueLayout.JAVA_FLOAT, 8),
          draw.get(ValueLayout.JAVA_FLOAT, 12),
          draw.get(ValueLayout.JAVA_DOUBLE, 16));
    }

    void write(MemorySegment draws, int row) {
      MemorySegment draw = draws.asSlice(row * DRAW_BYTES, DRAW_BYTES);
      draw.set(ValueLayout.JAVA_FLOAT, 0, temperature);
      draw.set(ValueLayout.JAVA_INT, 4, topK);
      draw.set(ValueLayout.JAVA_FLOAT, 8, topP);
      draw.set(ValueLayout.JAVA_FLOAT, 12, minP);
      draw.set(ValueLayout.JAVA_DOUBLE, 16, uniform);
    }
  }

  private SampleOracle(float[] logits, float temperature) {
    best = best(logits);
    weights = new double[logits.length];
    for (int v = 0; v < logits.length; v++) {
      // Rounded, as ranks are by float32.
      weights[v] = (float) Math.exp((logits[v] - logits[best]) / (double) temperature);
    }
  }

  /** {@return the first index of the greatest; NaN counts as least} */
  static int best(float[] logits) {
    int best = 0;
    for (int v = 1; v < logits.length; v++) {
      boolean isFirstNumber = Float.isNaN(logits[best]) && !Float.isNaN(logits[v]);
      if (logits[v] > logits[best] || isFirstNumber) {
        best = v;
      }
    }
    return best;
  }

  /** {@return the token drawn from a row} */
  static int draw(float[] logits, Draw draw) {
    if (draw.temperature() == 0 || draw.topK() == 1) {
      return best(logits);
    }
    SampleOracle oracle = new SampleOracle(logits, draw.temperature());
    if (IntStream.range(0, logits.length).anyMatch(v -> Double.isNaN(oracle.weights[v]))) {
      return oracle.best;
    }
    return oracle.draw(draw);
  }

  private int draw(Draw draw) {
    boolean isRanked = draw.topK() > 0 || draw.topP() < 1 || draw.minP() > 0;
    int[] order = isRanked ? ranking() : IntStream.range(0, weights.length).toArray();
    int kept = isRanked ? kept(order, draw) : order.length;
    double left = draw.uniform() * mass(order, kept);
    for (int i = 0; i < kept; i++) {
      left -= weights[order[i]];
      if (left < 0) {
        return order[i];
      }
    }
    return order[kept - 1];
  }

  private int[] ranking() {
    return IntStream.range(0, weights.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer v) -> -weights[v]).thenComparingInt(v -> v))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private int kept(int[] order, Draw draw) {
    int most = draw.topK() == 0 ? order.length : Math.min(draw.topK(), order.length);
    double wanted = draw.topP() * mass(order, most);
    double reached = 0;
    int kept = 0;
    while (kept < most && weights[order[kept]] >= draw.minP() && (kept == 0 || reached < wanted)) {
      reached += weights[order[kept]];
      kept++;
    }
    return kept;
  }

  private double mass(int[] order, int count) {
    double mass = 0;
    for (int i = 0; i < count; i++) {
      mass += weights[order[i]];
    }
    return mass;
  }
}
