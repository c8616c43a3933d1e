package dev.rap.pruning;

import dev.rap.dqn.QNetwork;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Removes, until the rest fits, the sublayer whose removal a Q-network values most. */
final class DqnPolicy implements PruningPolicy {
  private final MemoryModel memory;
  private final StateEncoder encoder;
  private final QNetwork network;

  DqnPolicy(MemoryModel memory, StateEncoder encoder, QNetwork network) {
    this.memory = memory;
    this.encoder = encoder;
    this.network = network;
  }

  @Override
  public String name() {
    return "dqn";
  }

  @Override
  public RetentionMask choose(Workload workload, MemoryBudget budget) {
    return removal(workload, budget).mask();
  }

  Removal removal(Workload workload, MemoryBudget budget) {
    return removal(workload, budget, 0, () -> 0L);
  }

  /** {@return the same, but each choice is any with probability {@code epsilon}} */
  Removal removal(Workload workload, MemoryBudget budget, double epsilon, RandomGenerator random) {
    Removal removal = new Removal(memory, workload, budget);
    float[] observation = new float[encoder.size()];
    boolean[] valid = new boolean[removal.sublayers()];
    Arrays.fill(valid, true);
    QNetwork.Activations activations = network.newActivations();
    while (!removal.fits()) {
      int action = random.nextInt(valid.length);
      if (!valid[action] || random.nextDouble() >= epsilon) {
        encoder.encode(removal, observation);
        network.forward(observation, activations);
        action = activations.bestAction(valid);
      }
      removal.remove(action);
      valid[action] = false;
    }
    return removal;
  }
}
