package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;

/** Chooses what the model leaves out so that it fits. */
public interface PruningPolicy {

  /** {@return the name by which {@link Policies} knows it} */
  String name();

  /**
   * {@return a mask that fits: the dense one wherever that fits, and always the same one for the
   * same question}
   *
   * @throws BudgetTooSmallException if no mask that this policy may choose fits
   */
  RetentionMask choose(Workload workload, MemoryBudget budget);
}
