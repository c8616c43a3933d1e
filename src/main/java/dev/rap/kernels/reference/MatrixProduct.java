package dev.rap.kernels.reference;

import dev.rap.kernels.Ranges;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One row of weights at a time against a batch of activations, in float64.
 *
 * <p>The activations are kept with the tokens of a column side by side, packed to the columns that
 * take part, so that the inner loop runs over tokens and its sums are independent.
 */
final class MatrixProduct {
  private static final int TOGETHER = 4;

  private final Ranges columns;
  private final int tokens;
  private final double[] x; // [packed columns, rounded up to TOGETHER; tokens]
  private final float[] row;
  private final double[] packed;
  private final double[] sums;

  MatrixProduct(MemorySegment activations, int stride, int tokens, Ranges columns) {
    this.columns = columns;
    this.tokens = tokens;
    int width = Math.ceilDiv(columns.total(), TOGETHER) * TOGETHER;
    this.x = new double[Math.multiplyExact(width, tokens)];
    this.packed = new double[width];
    int last = columns.count() == 0 ? 0 : columns.end(columns.count() - 1);
    this.row = new float[last];
    this.sums = new double[tokens];
    for (int t = 0; t < tokens; t++) {
      int to = 0;
      for (int i = 0; i < columns.count(); i++) {
        for (int c = columns.start(i); c < columns.end(i); c++) {
          x[to++ * tokens + t] = activations.get(Layouts.F32, 4 * ((long) t * stride + c));
        }
      }
    }
  }

  /** {@return the dot product of row {@code r} with each token; a fresh array} */
  double[] row(Tensor w, int r) {
    Rows.read(w, r, columns, row);
    int to = 0;
    for (int i = 0; i < columns.count(); i++) {
      for (int c = columns.start(i); c < columns.end(i); c++) {
        packed[to++] = row[c];
      }
    }
    return tokens == 1 ? new double[] {dot()} : sums();
  }

  private double dot() {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    for (int i = 0; i < packed.length; i += TOGETHER) {
      a += packed[i] * x[i];
      b += packed[i + 1] * x[i + 1];
      c += packed[i + 2] * x[i + 2];
      d += packed[i + 3] * x[i + 3];
    }
    return a + b + (c + d);
  }

  private double[] sums() {
    Arrays.fill(sums, 0);
    for (int i = 0; i < packed.length; i += TOGETHER) {
      add(packed[i], packed[i + 1], packed[i + 2], packed[i + 3], i * tokens);
    }
    return sums.clone();
  }

  private void add(double a, double b, double c, double d, int from) {
    for (int t = 0; t < tokens; t++) {
      int at = from + t;
      sums[t] += a * x[at] + b * x[at + tokens] + c * x[at + 2 * tokens] + d * x[at + 3 * tokens];
    }
  }
}
