package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.MemoryUse;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Whole sublayers going one after another until the budget admits what is left. Sublayers are named
 * by {@link Sublayer#index()}.
 */
final class Removal {
  private final MemoryModel memory;
  private final Workload workload;
  private final MemoryBudget budget;
  private final MemoryUse dense;
  private final long[] freed; // [sublayers], bytes
  private final BitSet removed;
  private long bytes;

  /**
   * @throws BudgetTooSmallException if the budget does not even admit the removal of everything
   */
  Removal(MemoryModel memory, Workload workload, MemoryBudget budget) {
    if (!budget.admits(memory.smallestBytes(workload))) {
      throw new BudgetTooSmallException(
          "the smallest mask", memory.smallestBytes(workload), workload, budget);
    }
    this.memory = memory;
    this.workload = workload;
    this.budget = budget;
    dense = memory.denseUse(workload);
    freed = memory.sublayerBytes(workload);
    removed = new BitSet(freed.length);
    bytes = dense.total();
  }

  Workload workload() {
    return workload;
  }

  MemoryBudget budget() {
    return budget;
  }

  MemoryUse dense() {
    return dense;
  }

  int sublayers() {
    return freed.length;
  }

  boolean fits() {
    return budget.admits(bytes);
  }

  /** {@return bytes still to free; at most 0 when the budget is met} */
  long excess() {
    return bytes - budget.bytes();
  }

  /** {@return how many sublayers are gone} */
  int depth() {
    return removed.cardinality();
  }

  boolean retains(int sublayer) {
    return !removed.get(sublayer);
  }

  /** {@return bytes that go with {@code sublayer}} */
  long freed(int sublayer) {
    return freed[sublayer];
  }

  void remove(int sublayer) {
    if (removed.get(sublayer)) {
      throw new IllegalArgumentException(Sublayer.of(sublayer) + " is gone already");
    }
    removed.set(sublayer);
    bytes -= freed[sublayer];
  }

  /** Removes in {@code order} for as long as the budget is not met. */
  Removal removeInOrder(int[] order) {
    for (int i = 0; !fits(); i++) {
      remove(order[i]);
    }
    return this;
  }

  /** {@return the sublayers that are gone: not a copy} */
  BitSet removed() {
    return removed;
  }

  RetentionMask mask() {
    return maskWithout(memory, removed);
  }

  /** {@return the dense mask less {@code removed}} */
  static RetentionMask maskWithout(MemoryModel memory, BitSet removed) {
    RetentionMask mask = RetentionMask.dense(memory.shape());
    for (int i = removed.nextSetBit(0); i >= 0; i = removed.nextSetBit(i + 1)) {
      mask = mask.without(Sublayer.of(i));
    }
    return mask;
  }

  @Override
  public String toString() {
    return "Removal[%s, %d bytes left, budget %d, freeing %s]"
        .formatted(removed, bytes, budget.bytes(), Arrays.toString(freed));
  }
}
