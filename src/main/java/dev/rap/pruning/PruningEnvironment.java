package dev.rap.pruning;

import dev.rap.dqn.Environment;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Sublayers are removed one by one until the budget is met. The reward of each removal is the fall
 * of the loss that a {@link LossSurrogate} sees in it, so that without a discount the return is the
 * rise of the final mask, negative.
 *
 * <p>Every episode asks another question: a workload of the {@link TrainingGrid} and a budget of
 * any share that its budgets span.
 */
final class PruningEnvironment implements Environment {
  private final MemoryModel memory;
  private final StateEncoder encoder;
  private final double rewardPerNat;
  private LossSurrogate.Walk walk;
  private double loss;
  private Removal removal;

  PruningEnvironment(
      MemoryModel memory, StateEncoder encoder, LossSurrogate surrogate, double rewardPerNat) {
    this.memory = memory;
    this.encoder = encoder;
    this.rewardPerNat = rewardPerNat;
    follow(surrogate);
  }

  /** Takes rewards from {@code surrogate} from the next episode on. */
  void follow(LossSurrogate surrogate) {
    walk = surrogate.new Walk();
  }

  @Override
  public int observationSize() {
    return encoder.size();
  }

  @Override
  public int actions() {
    return memory.shape().sublayers();
  }

  @Override
  public void reset(RandomGenerator random) {
    do {
      Workload workload =
          new Workload(
              any(TrainingGrid.SEQUENCES, random), any(TrainingGrid.CONTEXT_LENGTHS, random));
      double share = random.nextDouble(0.48, 1);
      var budget = TrainingGrid.budget(memory, workload, share);
      removal =
          budget.admits(memory.smallestBytes(workload))
              ? new Removal(memory, workload, budget)
              : null;
    } while (removal == null);
    walk.restart();
    loss = walk.loss();
  }

  private static int any(List<Integer> values, RandomGenerator random) {
    return values.get(random.nextInt(values.size()));
  }

  @Override
  public void observe(float[] observation) {
    encoder.encode(removal, observation);
  }

  @Override
  public void validActions(boolean[] valid) {
    for (int i = 0; i < valid.length; i++) {
      valid[i] = removal.retains(i);
    }
  }

  @Override
  public double step(int action) {
    removal.remove(action);
    walk.remove(action);
    double before = loss;
    loss = walk.loss();
    return rewardPerNat * (before - loss);
  }

  @Override
  public boolean done() {
    return removal.fits();
  }
}
