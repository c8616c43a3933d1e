package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;

/** Leaves nothing out. */
final class DensePolicy implements PruningPolicy {
  private final MemoryModel memory;

  DensePolicy(MemoryModel memory) {
    this.memory = memory;
  }

  @Override
  public String name() {
    return "dense";
  }

  @Override
  public RetentionMask choose(Workload workload, MemoryBudget budget) {
    long needed = memory.denseBytes(workload);
    if (!budget.admits(needed)) {
      throw new BudgetTooSmallException("the dense model", needed, workload, budget);
    }
    return RetentionMask.dense(memory.shape());
  }
}
