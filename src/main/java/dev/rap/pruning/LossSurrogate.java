package dev.rap.pruning;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A guess at the loss of masks that were not measured, from those that were: a {@link
 * GaussianRegression} of the rise over the dense loss.
 *
 * <p>The likeness of two masks is the product of {@code exp(-w_i / scale)} over the sublayers
 * {@code i} that only one of them removes, with {@code w_i} twice the root of the one-shot
 * importance (of at least 0.01 nats), so that the important ones set masks further apart. Such a
 * likeness allows for effects of single sublayers, of pairs, and of all higher orders, the higher
 * the weaker. Scale and noise are those of the least leave-one-out error, where each error counts
 * relative to the measured rise and 0.1 nats.
 *
 * <p>A rise above {@value #USELESS_NATS} nats counts by its logarithm only: such a mask is of no
 * use, and the last sublayers to go can raise the loss by tens of nats, which would drown what
 * matters.
 *
 * <p>Immutable; a {@link Walk} belongs to one thread.
 */
final class LossSurrogate {
  private static final double USELESS_NATS = 3;

  private static final double[] SCALES = {2, 4, 8, 16, 32, 64};
  private static final double[] NOISES = {1e-6, 1e-4, 1e-2};

  /** Cases, drawn at random, on which scale and noise are chosen: their cost is cubic. */
  private static final int CASES_FOR_CHOICE = 500;

  private final double denseLoss;
  private final double[] start; // [masks], what each measured mask adds to the dense mask's rise
  private final double[][] changes; // [sublayers][masks], its factor when the sublayer goes
  private final double leaveOneOutError;

  /** A setting of the likeness, and how well it did. */
  private record Choice(double scale, double noise, double criterion, double error) {}

  private LossSurrogate(
      double denseLoss,
      List<BitSet> masks,
      double[] weights,
      double[] factors,
      double leaveOneOutError) {
    this.denseLoss = denseLoss;
    this.leaveOneOutError = leaveOneOutError;
    BitSet nothing = new BitSet();
    start = new double[masks.size()];
    changes = new double[factors.length][masks.size()];
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
   * @param removed the sublayers that each mask leaves out
   * @param losses their measured losses, nats a token
   * @param importances rise of the loss when a sublayer goes alone, nats a token
   * @param seed of the cases on which it is chosen
   */
  static LossSurrogate fit(
      double denseLoss, List<BitSet> removed, double[] losses, double[] importances, long seed) {
    int[] some = sample(removed.size(), new SplittableRandom(seed));
    List<BitSet> someMasks = Arrays.stream(some).mapToObj(removed::get).toList();
    double[] rises = Arrays.stream(losses).map(loss -> tempered(loss - denseLoss)).toArray();
    double[] someRises = Arrays.stream(some).mapToDouble(m -> rises[m]).toArray();
    Choice best = null;
    for (double scale : SCALES) {
      double[][] likeness = likeness(someMasks, factors(importances, scale));
      for (double noise : NOISES) {
        Choice choice = choice(scale, likeness, noise, someRises);
        best = best == null || choice.criterion < best.criterion ? choice : best;
      }
    }
    double[] factors = factors(importances, best.scale);
    double[] weights =
        new GaussianRegression(likeness(removed, factors), best.noise, rises).weights();
    return new LossSurrogate(denseLoss, removed, weights, factors, best.error);
  }

  private static double tempered(double rise) {
    return rise <= USELESS_NATS ? rise : USELESS_NATS + StrictMath.log1p(rise - USELESS_NATS);
  }

  private static Choice choice(double scale, double[][] likeness, double noise, double[] rises) {
    double[] errors = new GaussianRegression(likeness, noise, rises).leaveOneOutErrors();
    double relative = 0;
    double squares = 0;
    for (int m = 0; m < rises.length; m++) {
      double unit = Math.max(rises[m], 0) + 0.1;
      relative += errors[m] * errors[m] / (unit * unit);
      squares += errors[m] * errors[m];
    }
    return new Choice(scale, noise, relative, Math.sqrt(squares / rises.length));
  }

  private static double[] factors(double[] importances, double scale) {
    return Arrays.stream(importances)
        .map(rise -> StrictMath.exp(-2 * Math.sqrt(Math.max(rise, 0.01)) / scale))
        .toArray();
  }

  private static int[] sample(int size, SplittableRandom random) {
    int[] all = new int[size];
    Arrays.setAll(all, i -> i);
    int count = Math.min(size, CASES_FOR_CHOICE);
    for (int i = 0; i < count; i++) {
      int j = i + random.nextInt(size - i);
      int moved = all[i];
      all[i] = all[j];
      all[j] = moved;
    }
    return Arrays.copyOf(all, count);
  }

  private static double[][] likeness(List<BitSet> masks, double[] factors) {
    double[][] likeness = new double[masks.size()][];
    for (int i = 0; i < likeness.length; i++) {
      likeness[i] = new double[i];
      for (int j = 0; j < i; j++) {
        likeness[i][j] = likeness(masks.get(i), masks.get(j), factors);
      }
    }
    return likeness;
  }

  private static double likeness(BitSet x, BitSet y, double[] factors) {
    double product = 1;
    for (int i = 0; i < factors.length; i++) {
      product *= x.get(i) != y.get(i) ? factors[i] : 1;
    }
    return product;
  }

  /** {@return root mean square error when each mask is predicted from the others, nats a token} */
  double leaveOneOutError() {
    return leaveOneOutError;
  }

  /** {@return the loss with {@code removed} gone, nats a token} */
  double loss(BitSet removed) {
    Walk walk = new Walk();
    removed.stream().forEach(walk::remove);
    return walk.loss();
  }

  /** Sublayers going one after another, at one multiplication a measured mask each. */
  final class Walk {
    private final double[] contributions = start.clone();

    /** Everything is there again. */
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
      double rise = 0;
      for (double contribution : contributions) {
        rise += contribution;
      }
      return denseLoss + rise;
    }
  }
}
