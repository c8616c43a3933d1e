package dev.rap.pruning;

import java.util.Arrays;

/**
 * Gaussian process regression: weights that solve (K + noise I) weights = targets, where K holds
 * the likeness of every two cases, and 1 of each with itself.
 *
 * @see <a href="https://gaussianprocess.org/gpml/">Rasmussen and Williams 2006</a>, algorithm 2.1
 *     and equation 5.12
 */
final class GaussianRegression {
  /** Rounding may leave a pivot of two all but equal cases below the noise, even below zero. */
  private static final double LEAST_PIVOT = 1e-12;

  private final double[][] lower; // Cholesky's, [cases][cases up to this]
  private final double[] weights;

  /**
   * @param likeness {@code [cases][cases before this]}, the upper triangle left out
   * @param targets {@code [cases]}
   */
  GaussianRegression(double[][] likeness, double noise, double[] targets) {
    int n = targets.length;
    lower = new double[n][];
    for (int i = 0; i < n; i++) {
      lower[i] = Arrays.copyOf(likeness[i], i + 1);
      for (int j = 0; j < i; j++) {
        lower[i][j] = (lower[i][j] - dot(lower[i], lower[j], j)) / lower[j][j];
      }
      double pivot = 1 + noise - dot(lower[i], lower[i], i);
      lower[i][i] = Math.sqrt(Math.max(pivot, LEAST_PIVOT));
    }
    weights = solve(targets);
  }

  private double[] solve(double[] targets) {
    int n = targets.length;
    double[] half = new double[n];
    for (int i = 0; i < n; i++) {
      half[i] = (targets[i] - dot(lower[i], half, i)) / lower[i][i];
    }
    double[] solution = new double[n];
    for (int i = n - 1; i >= 0; i--) {
      solution[i] = half[i] / lower[i][i];
      for (int j = 0; j < i; j++) {
        half[j] -= lower[i][j] * solution[i];
      }
    }
    return solution;
  }

  // Four sums, since one would wait for each addition in turn.
  private static double dot(double[] a, double[] b, int count) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      s0 += a[i] * b[i];
      s1 += a[i + 1] * b[i + 1];
      s2 += a[i + 2] * b[i + 2];
      s3 += a[i + 3] * b[i + 3];
    }
    for (; i < count; i++) {
      s0 += a[i] * b[i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  /** {@return what the likeness to each case counts for in a prediction} */
  double[] weights() {
    return weights.clone();
  }

  /** {@return the target of a case less what the others predict for it} */
  double leaveOneOutError(int left) {
    int n = weights.length;
    double[] column = new double[n]; // of the inverse of the lower triangle
    double diagonal = 0; // of the inverse of the whole
    for (int r = left; r < n; r++) {
      double sum = (r == left ? 1 : 0) - dot(lower[r], column, r);
      column[r] = sum / lower[r][r];
      diagonal += column[r] * column[r];
    }
    return weights[left] / diagonal;
  }
}
