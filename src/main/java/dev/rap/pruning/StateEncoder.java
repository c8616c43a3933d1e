package dev.rap.pruning;

import dev.rap.memory.MemoryUse;
import dev.rap.memory.Workload;

/**
 * What the agent sees, all of it of order one:
 *
 * <table>
 * <caption>Observation, in this order</caption>
 * <tr><td>batch</td><td>log2 of the sequences, / 8</td></tr>
 * <tr><td>context</td><td>log2 of their tokens, / 16</td></tr>
 * <tr><td>available memory</td><td>budget / bytes of the dense model</td></tr>
 * <tr><td>parameters : KV</td><td>weights / (weights + KV) of the dense model</td></tr>
 * <tr><td>excess</td><td>bytes still to free / bytes of the dense model</td></tr>
 * <tr><td>attention needed</td><td>how many retained attention sublayers alone would free those,
 * / L; at most 2</td></tr>
 * <tr><td>feed-forward needed</td><td>the same for feed-forward</td></tr>
 * <tr><td>mask, 2L values</td><td>1 where the sublayer is retained, else 0</td></tr>
 * <tr><td>importance, 2L values</td><td>log(1 + rise / 0.02 nats) / 5, where rise is what GSI
 * measured for this sublayer when as many were gone; 0 where it is not retained</td></tr>
 * </table>
 *
 * <p>Differs from the paper, which names batch, length, available memory and the ratio only: the
 * excess is what the mask and the first four imply, and said outright.
 */
final class StateEncoder {
  private static final int SCALARS = 7;

  private final Importances importances;

  StateEncoder(Importances importances) {
    this.importances = importances;
  }

  /** {@return values of an observation} */
  int size() {
    return size(importances.sublayers());
  }

  /** {@return values of an observation of so many sublayers} */
  static int size(int sublayers) {
    return SCALARS + 2 * sublayers;
  }

  /**
   * Writes the observation.
   *
   * @param observation {@code [size]}
   */
  void encode(Removal removal, float[] observation) {
    Workload workload = removal.workload();
    MemoryUse dense = removal.dense();
    double excess = Math.max(removal.excess(), 0);
    observation[0] = (float) (log2(workload.sequences()) / 8);
    observation[1] = (float) (log2(workload.contextLength()) / 16);
    observation[2] = (float) ((double) removal.budget().bytes() / dense.total());
    observation[3] = (float) ((double) dense.weights() / (dense.weights() + dense.kv()));
    observation[4] = (float) (excess / dense.total());
    observation[5] = needed(removal, excess, 0);
    observation[6] = needed(removal, excess, 1);
    int depth = removal.depth();
    int sublayers = removal.sublayers();
    for (int i = 0; i < sublayers; i++) {
      boolean retained = removal.retains(i);
      observation[SCALARS + i] = retained ? 1 : 0;
      observation[SCALARS + sublayers + i] =
          retained ? squashed(importances.marginal(depth, i)) : 0;
    }
  }

  private static float needed(Removal removal, double excess, int firstOfKind) {
    long freed = 0;
    int retained = 0;
    for (int i = firstOfKind; i < removal.sublayers(); i += 2) {
      if (removal.retains(i)) {
        freed += removal.freed(i);
        retained++;
      }
    }
    double layers = removal.sublayers() / 2.0;
    double needed = retained == 0 ? 2 * layers : Math.ceil(excess * retained / freed);
    return (float) Math.min(2, needed / layers);
  }

  private static double log2(int value) {
    return StrictMath.log(value) / StrictMath.log(2);
  }

  private static float squashed(double rise) {
    return (float) (StrictMath.log1p(Math.max(rise, 0) / 0.02) / 5);
  }
}
