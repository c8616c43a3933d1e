package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;

/**
 * Removes, until the rest fits, the sublayer whose removal costs the least rise of the loss per
 * byte that it frees under this workload. The rise is the one that GSI measured when as many
 * sublayers were gone; for a sublayer that GSI had removed by then, the last one measured.
 */
final class GsiPerBytePolicy implements PruningPolicy {
  private final MemoryModel memory;
  private final Importances importances;

  GsiPerBytePolicy(MemoryModel memory, Importances importances) {
    this.memory = memory;
    this.importances = importances;
  }

  @Override
  public String name() {
    return "gsi-per-byte";
  }

  @Override
  public RetentionMask choose(Workload workload, MemoryBudget budget) {
    Removal removal = new Removal(memory, workload, budget);
    for (int depth = 0; !removal.fits(); depth++) {
      removal.remove(cheapest(removal, depth));
    }
    return removal.mask();
  }

  private int cheapest(Removal removal, int depth) {
    int best = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < removal.sublayers(); i++) {
      if (removal.retains(i)) {
        double price = importances.marginal(depth, i) / removal.freed(i);
        if (best < 0 || price < least) {
          best = i;
          least = price;
        }
      }
    }
    return best;
  }
}
