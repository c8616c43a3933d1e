package dev.rap.pruning;

import dev.rap.Bytes;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.Workload;

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
                Bytes.text(budget.bytes()),
                smallest,
                Bytes.text(neededBytes),
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
}
