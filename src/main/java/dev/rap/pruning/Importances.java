package dev.rap.pruning;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What the profile says of each sublayer: how much the loss rises if it goes first, and how much it
 * rises if it goes after the {@code depth} sublayers that GSI removed first. Nats a token.
 *
 * <p>Immutable.
 */
final class Importances {
  private final double[][] marginal; // [rounds, at least 1][sublayers]
  private final int[] gsiOrder; // [sublayers]

  Importances(Profile profile) {
    List<GsiRound> rounds = profile.gsi();
    int sublayers = profile.sublayers();
    marginal = new double[rounds.size()][sublayers];
    double before = profile.denseLoss();
    for (int r = 0; r < rounds.size(); r++) {
      for (int i = 0; i < sublayers; i++) {
        double loss = rounds.get(r).losses().get(i);
        marginal[r][i] = Double.isNaN(loss) ? marginal[r - 1][i] : loss - before;
      }
      before = rounds.get(r).loss();
    }
    gsiOrder = gsiOrder(rounds);
  }

  // Where GSI stopped before the end, the rest follows by its last measured rise.
  private int[] gsiOrder(List<GsiRound> rounds) {
    IntStream removed = rounds.stream().mapToInt(GsiRound::removed);
    List<Integer> known = rounds.stream().map(GsiRound::removed).toList();
    IntStream rest =
        IntStream.of(ascending(marginal[marginal.length - 1])).filter(i -> !known.contains(i));
    return IntStream.concat(removed, rest).toArray();
  }

  private static int[] ascending(double[] values) {
    return IntStream.range(0, values.length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> values[i]))
        .mapToInt(i -> i)
        .toArray();
  }

  int sublayers() {
    return gsiOrder.length;
  }

  /**
   * {@return the rise of {@code sublayer}'s removal in GSI's round {@code depth}, or in the last
   * round that had it}
   */
  double marginal(int depth, int sublayer) {
    return marginal[Math.min(depth, marginal.length - 1)][sublayer];
  }

  /** {@return all sublayers, the one that is missed least alone first} */
  int[] oneShotOrder() {
    return ascending(marginal[0]);
  }

  /** {@return all sublayers in the order in which GSI removed them} */
  int[] gsiOrder() {
    return gsiOrder.clone();
  }
}
