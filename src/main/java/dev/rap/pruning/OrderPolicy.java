package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.Comparator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Removes whole sublayers in one order, whatever is asked, until the rest fits. The order is what
 * tells these policies apart:
 *
 * <table>
 * <caption>Orders</caption>
 * <tr><td>random</td><td>any, each as likely as any other</td></tr>
 * <tr><td>mha-drop, ffn-drop</td><td>that kind from the last layer to the first, then the other
 * kind likewise</td></tr>
 * <tr><td>one-shot</td><td>by the rise of the loss when the sublayer goes alone</td></tr>
 * <tr><td>gsi</td><td>as Greedy Sequential Importance removed them</td></tr>
 * </table>
 *
 * @see <a href="https://arxiv.org/abs/2403.03853">ShortGPT</a>: late layers are the more redundant
 * @see <a href="https://arxiv.org/abs/2505.17138">RAP</a>: GSI
 */
final class OrderPolicy implements PruningPolicy {
  private final String name;
  private final MemoryModel memory;
  private final int[] order; // [sublayers]

  private OrderPolicy(String name, MemoryModel memory, int[] order) {
    this.name = name;
    this.memory = memory;
    this.order = order;
  }

  static OrderPolicy random(MemoryModel memory, RandomGenerator random) {
    int[] order = IntStream.range(0, memory.shape().sublayers()).toArray();
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int moved = order[i];
      order[i] = order[j];
      order[j] = moved;
    }
    return new OrderPolicy("random", memory, order);
  }

  static OrderPolicy lastOfKindFirst(String name, MemoryModel memory, Sublayer.Kind kind) {
    int[] order =
        IntStream.range(0, memory.shape().sublayers())
            .mapToObj(Sublayer::of)
            .sorted(
                Comparator.comparing((Sublayer s) -> s.kind() != kind)
                    .thenComparing(Comparator.comparingInt(Sublayer::layer).reversed()))
            .mapToInt(Sublayer::index)
            .toArray();
    return new OrderPolicy(name, memory, order);
  }

  static OrderPolicy oneShot(MemoryModel memory, Importances importances) {
    return new OrderPolicy("one-shot", memory, importances.oneShotOrder());
  }

  static OrderPolicy gsi(MemoryModel memory, Importances importances) {
    return new OrderPolicy("gsi", memory, importances.gsiOrder());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public RetentionMask choose(Workload workload, MemoryBudget budget) {
    return new Removal(memory, workload, budget).removeInOrder(order).mask();
  }
}
