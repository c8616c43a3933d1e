package dev.rap.pruning;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A guess at the loss of masks that were not measured, from those that were: Gaussian process
 * regression of the rise over the dense loss.
 *
 * <p>Two masks are alike as far as they remove the same sublayers: {@code k(x, y) = product of
 * exp(-w_i / scale)} over the sublayers {@code i} that only one of them removes, with {@code w_i}
 * the root of the one-shot importance, so that the important ones set masks further apart. Such a
 * kernel holds effects of single sublayers, of pairs, and of all higher orders, the higher the
 * weaker. The scale and the noise are those of the least leave-one-out error, relative to the
 * measured rise.
 *
 * <p>Immutable; a {@link Walk} belongs to one thread.
 */
final class LossSurrogate {
  private static final double[] SCALES = {2, 4, 8, 16, 32, 64};
  private static final double[] NOISES = {1e-6, 1e-4, 1e-2};
  private static final int MOST_FOR_CHOICE = 500;

  private final double denseLoss;
  private final double[] factors; // [sublayers], what a difference in that sublayer multiplies by
  private final double[] start; // [masks], contribution of each measured mask to the dense mask
  private final double[][] changes; // [sublayers][masks], its change when the sublayer goes
  private final double leaveOneOutError;

  private LossSurrogate(
      double denseLoss,
      double[] factors,
      List<BitSet> masks,
      double[] weights,
      double leaveOneOutError) {
    this.denseLoss = denseLoss;
    this.factors = factors;
    this.leaveOneOutError = leaveOneOutError;
    start = new double[masks.size()];
    changes = new double[factors.length][masks.size()];
    BitSet nothing = new BitSet();
    for (int m = 0; m < start.length; m++) {
      start[m] = weights[m] * likeness(masks.get(m), nothing, factors);
      for (int i = 0; i < factors.length; i++) {
        changes[i][m] = masks.get(m).get(i) ? 1 / factors[i] : factors[i];
      }
    }
  }

  /**
   * {@return the surrogate of these measurements}
   *
   * @param importances one-shot importances by sublayer, nats
   */
  static LossSurrogate fit(
      double denseLoss, List<BitSet> removed, double[] losses, double[] importances, long seed) {
    int[] some = sample(removed.size(), seed);
    List<BitSet> someRemoved = Arrays.stream(some).mapToObj(removed::get).toList();
    double[] someRises = Arrays.stream(some).mapToDouble(m -> losses[m] - denseLoss).toArray();
    double least = Double.POSITIVE_INFINITY;
    double[] bestFactors = null;
    double bestNoise = 0;
    for (double scale : SCALES) {
      double[] factors = factors(importances, scale);
      for (double noise : NOISES) {
        double error =
            Regression.of(someRemoved, someRises, factors, noise).leaveOneOutError(someRises);
        if (error < least) {
          least = error;
          bestFactors = factors;
          bestNoise = noise;
        }
      }
    }
    double[] rises = Arrays.stream(losses).map(loss -> loss - denseLoss).toArray();
    double[] weights = Regression.of(removed, rises, bestFactors, bestNoise).weights;
    return new LossSurrogate(denseLoss, bestFactors, removed, weights, least);
  }

  private static double[] factors(double[] importances, double scale) {
    return Arrays.stream(importances)
        .map(rise -> StrictMath.exp(-2 * StrictMath.sqrt(Math.max(rise, 0.01)) / scale))
        .toArray();
  }

  private static int[] sample(int size, long seed) {
    int[] all = new int[size];
    Arrays.setAll(all, i -> i);
    SplittableRandom random = new SplittableRandom(seed);
    int count = Math.min(size, MOST_FOR_CHOICE);
    for (int i = 0; i < count; i++) {
      int j = i + random.nextInt(size - i);
      int moved = all[i];
      all[i] = all[j];
      all[j] = moved;
    }
    return Arrays.copyOf(all, count);
  }

  private static double likeness(BitSet x, BitSet y, double[] factors) {
    double product = 1;
    for (int i = 0; i < factors.length; i++) {
      product *= x.get(i) != y.get(i) ? factors[i] : 1;
    }
    return product;
  }

  double leaveOneOutError() {
    return leaveOneOutError;
  }

  String describe() {
    return Arrays.toString(factors);
  }

  /** {@return the loss with {@code removed} gone, nats a token} */
  double loss(BitSet removed) {
    Walk walk = new Walk();
    removed.stream().forEach(walk::remove);
    return walk.loss();
  }

  /** Sublayers going one after another. */
  final class Walk {
    private final double[] contributions = start.clone();

    void restart() {
      System.arraycopy(start, 0, contributions, 0, start.length);
    }

    void remove(int sublayer) {
      double[] change = changes[sublayer];
      for (int m = 0; m < contributions.length; m++) {
        contributions[m] *= change[m];
      }
    }

    /** {@return the loss now, nats a token} */
    double loss() {
      double sum = 0;
      for (double contribution : contributions) {
        sum += contribution;
      }
      return denseLoss + sum;
    }

    /** {@return the loss if {@code sublayer} went too} */
    double lossWithout(int sublayer) {
      double[] change = changes[sublayer];
      double sum = 0;
      for (int m = 0; m < contributions.length; m++) {
        sum += contributions[m] * change[m];
      }
      return denseLoss + sum;
    }
  }

  /** The linear algebra: weights that solve (K + noise) weights = rises. */
  private static final class Regression {
    private final double[][] lower; // Cholesky's
    private final double[] weights;

    private Regression(double[][] lower, double[] weights) {
      this.lower = lower;
      this.weights = weights;
    }

    static Regression of(List<BitSet> masks, double[] rises, double[] factors, double noise) {
      int n = masks.size();
      double[][] k = new double[n][];
      for (int i = 0; i < n; i++) {
        k[i] = new double[i + 1];
        for (int j = 0; j < i; j++) {
          k[i][j] = likeness(masks.get(i), masks.get(j), factors);
        }
        k[i][i] = 1 + noise;
      }
      factor(k);
      double[] half = new double[n];
      for (int i = 0; i < n; i++) {
        half[i] = (rises[i] - dot(k[i], half, i)) / k[i][i];
      }
      double[] weights = new double[n];
      for (int i = n - 1; i >= 0; i--) {
        weights[i] = half[i] / k[i][i];
        for (int j = 0; j < i; j++) {
          half[j] -= k[i][j] * weights[i];
        }
      }
      return new Regression(k, weights);
    }

    private static void factor(double[][] k) {
      for (int i = 0; i < k.length; i++) {
        for (int j = 0; j < i; j++) {
          k[i][j] = (k[i][j] - dot(k[i], k[j], j)) / k[j][j];
        }
        // Rounding may leave a pivot of equal masks below the noise.
        k[i][i] = Math.sqrt(Math.max(k[i][i] - dot(k[i], k[i], i), 1e-12));
      }
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

    /** {@return root mean square of (prediction without it - rise) / (rise + 0.1)} */
    double leaveOneOutError(double[] rises) {
      int n = weights.length;
      double sum = 0;
      double[] column = new double[n];
      for (int i = 0; i < n; i++) {
        Arrays.fill(column, 0);
        double diagonal = 0; // of the inverse
        for (int r = i; r < n; r++) {
          double s = r == i ? 1 : 0;
          for (int m = i; m < r; m++) {
            s -= lower[r][m] * column[m];
          }
          column[r] = s / lower[r][r];
          diagonal += column[r] * column[r];
        }
        double error = weights[i] / diagonal / (Math.max(rises[i], 0) + 0.1);
        sum += error * error;
      }
      return Math.sqrt(sum / n);
    }
  }
}
