package dev.rap.pruning;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A guess at the loss of masks that were not measured, from those that were. To the sum of the
 * one-shot importances of what is removed it adds a {@link GaussianRegression} of what the measured
 * masks cost beyond that sum.
 *
 * <p>The likeness of two masks has two parts, one that reaches far and a small one that reaches
 * less far. Each is the product of {@code exp(-w_i / reach)} over the sublayers {@code i} that only
 * one of them removes, with {@code w_i} the importance over the median one: important sublayers set
 * masks further apart. Such a likeness allows for effects of single sublayers, of pairs, and of all
 * higher orders, the higher the weaker.
 *
 * <p>A rise above {@value #USELESS_NATS} nats counts by its logarithm only: such a mask is of no
 * use, and the last sublayers to go can raise the loss by tens of nats, which would drown what
 * matters.
 *
 * <p>Immutable; a {@link Walk} belongs to one thread.
 */
final class LossSurrogate {
  private static final double USELESS_NATS = 4;

  // Reaches and shares that did well on masks held out, on the bundled model and on the synthetic
  // losses of the tests. Choosing them by leave-one-out error did worse: GSI's masks are so close
  // to each other that it favours a short reach, which knows nothing of masks off GSI's path.
  private static final double[] REACHES = {40, 5};
  private static final double[] SHARES = {0.97, 0.03};
  private static final double NOISE = 1e-6;

  /** An unimportant sublayer still sets masks apart by this share of the median one. */
  private static final double LEAST_WEIGHT = 0.1;

  /** Cases, drawn at random, that the leave-one-out error is taken over: each costs a solution. */
  private static final int CASES_LEFT_OUT = 300;

  private final double denseLoss;
  private final double[] importances;
  private final double[] start; // [2 * masks], what each measured mask adds to the dense one's rise
  private final double[][] changes; // [sublayers][2 * masks], its factor when a sublayer goes
  private final double leaveOneOutError;

  private LossSurrogate(
      double denseLoss,
      double[] importances,
      double[] start,
      double[][] changes,
      double leaveOneOutError) {
    this.denseLoss = denseLoss;
    this.importances = importances;
    this.start = start;
    this.changes = changes;
    this.leaveOneOutError = leaveOneOutError;
  }

  /**
   * {@return the surrogate of these measurements}
   *
   * @param removed the sublayers that each mask leaves out
   * @param losses their measured losses, nats a token
   * @param importances rise of the loss when a sublayer goes alone, nats a token
   * @param seed of the cases that the error is taken over
   */
  static LossSurrogate fit(
      double denseLoss, List<BitSet> removed, double[] losses, double[] importances, long seed) {
    int masks = removed.size();
    double[][] factors = {factors(importances, REACHES[0]), factors(importances, REACHES[1])};
    double[][] likeness = new double[masks][];
    double[] beyondSum = new double[masks];
    for (int m = 0; m < masks; m++) {
      BitSet mask = removed.get(m);
      likeness[m] = new double[m];
      for (int other = 0; other < m; other++) {
        likeness[m][other] =
            SHARES[0] * likeness(mask, removed.get(other), factors[0])
                + SHARES[1] * likeness(mask, removed.get(other), factors[1]);
      }
      double sum = mask.stream().mapToDouble(i -> importances[i]).sum();
      beyondSum[m] = tempered(losses[m] - denseLoss) - tempered(sum);
    }
    GaussianRegression regression = new GaussianRegression(likeness, NOISE, beyondSum);
    double[] weights = regression.weights();
    double[] start = new double[2 * masks];
    double[][] changes = new double[importances.length][2 * masks];
    for (int part = 0; part < 2; part++) {
      for (int m = 0; m < masks; m++) {
        int term = part * masks + m;
        BitSet mask = removed.get(m);
        start[term] = SHARES[part] * weights[m] * likeness(mask, new BitSet(), factors[part]);
        for (int i = 0; i < importances.length; i++) {
          changes[i][term] = mask.get(i) ? 1 / factors[part][i] : factors[part][i];
        }
      }
    }
    double error = leaveOneOutError(regression, masks, new SplittableRandom(seed));
    return new LossSurrogate(denseLoss, importances.clone(), start, changes, error);
  }

  private static double tempered(double rise) {
    return rise <= USELESS_NATS ? rise : USELESS_NATS + StrictMath.log1p(rise - USELESS_NATS);
  }

  private static double[] factors(double[] importances, double reach) {
    double[] sorted = Arrays.stream(importances).sorted().toArray();
    double median = Math.max(sorted[sorted.length / 2], 1e-6); // all may be of no importance
    return Arrays.stream(importances)
        .map(rise -> StrictMath.exp(-Math.max(rise / median, LEAST_WEIGHT) / reach))
        .toArray();
  }

  private static double likeness(BitSet x, BitSet y, double[] factors) {
    double product = 1;
    for (int i = 0; i < factors.length; i++) {
      product *= x.get(i) != y.get(i) ? factors[i] : 1;
    }
    return product;
  }

  private static double leaveOneOutError(
      GaussianRegression regression, int masks, SplittableRandom random) {
    int count = Math.min(masks, CASES_LEFT_OUT);
    double squares =
        IntStream.range(0, count)
            .map(i -> count == masks ? i : random.nextInt(masks))
            .mapToDouble(i -> Math.pow(regression.leaveOneOutError(i), 2))
            .sum();
    return Math.sqrt(squares / count);
  }

  /**
   * {@return root mean square error when a mask is predicted from all others, nats a token, where a
   * rise above {@value #USELESS_NATS} counts by its logarithm}
   */
  double leaveOneOutError() {
    return leaveOneOutError;
  }

  /** {@return the loss with {@code removed} gone, nats a token} */
  double loss(BitSet removed) {
    Walk walk = new Walk();
    removed.stream().forEach(walk::remove);
    return walk.loss();
  }

  /** Sublayers going one after another, at two multiplications a measured mask each. */
  final class Walk {
    private final double[] contributions = start.clone();
    private double sum; // of the importances of what is gone

    /** Everything is there again. */
    void restart() {
      System.arraycopy(start, 0, contributions, 0, start.length);
      sum = 0;
    }

    void remove(int sublayer) {
      double[] change = changes[sublayer];
      for (int m = 0; m < contributions.length; m++) {
        contributions[m] *= change[m];
      }
      sum += importances[sublayer];
    }

    /** {@return the loss now, nats a token} */
    double loss() {
      double rise = tempered(sum);
      for (double contribution : contributions) {
        rise += contribution;
      }
      return denseLoss + rise;
    }
  }
}
