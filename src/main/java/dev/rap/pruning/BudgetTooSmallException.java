package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.Workload;
import java.util.Locale;

/** The smallest mask that may be chosen needs more than the budget. */
public final class BudgetTooSmallException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long neededBytes;
  private final long allowedBytes;

  BudgetTooSmallException(
      String smallest, long neededBytes, Workload workload, MemoryBudget budget) {
    super(
        "the budget allows %s, but %s needs %s for %d %s of %d tokens: allow more, or ask for fewer sequences or tokens"
            .formatted(
                inUnits(budget.bytes()),
                smallest,
                inUnits(neededBytes),
                workload.sequences(),
                workload.sequences() == 1 ? "sequence" : "sequences",
                workload.contextLength()));
    this.neededBytes = neededBytes;
    this.allowedBytes = budget.bytes();
  }

  /** {@return bytes of the smallest mask} */
  public long neededBytes() {
    return neededBytes;
  }

  /** {@return bytes of the budget} */
  public long allowedBytes() {
    return allowedBytes;
  }

  private static String inUnits(long bytes) {
    if (bytes < 1000) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = 0;
    while (value >= 999.5 && unit < 4) {
      value /= 1000;
      unit++;
    }
    String form = value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s";
    return String.format(
        Locale.ROOT, form, value, new String[] {"B", "kB", "MB", "GB", "TB"}[unit]);
  }
}
