package dev.rap.pruning;

import dev.rap.dqn.Environment;
import dev.rap.memory.MemoryModel;
import java.util.random.RandomGenerator;

/**
 * Sublayers are removed one by one until the budget is met. The reward of each removal is the fall
 * of the loss that a {@link LossSurrogate} sees in it, in nats, so that without a discount the
 * return is the rise of the final mask, negative.
 *
 * <p>Every episode asks another question: a workload of the {@link TrainingGrid} and a budget of
 * any share that its budgets span.
 */
final class PruningEnvironment implements Environment {
  private final MemoryModel memory;
  private final StateEncoder encoder;
  private LossSurrogate.Walk walk;
  private double loss;
  private Removal removal;

  PruningEnvironment(MemoryModel memory, StateEncoder encoder, LossSurrogate surrogate) {
    this.memory = memory;
    this.encoder = encoder;
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
    TrainingGrid.Question question = TrainingGrid.anyQuestion(memory, random);
    removal = new Removal(memory, question.workload(), question.budget());
    walk.restart();
    loss = walk.loss();
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
    return before - loss;
  }

  @Override
  public boolean done() {
    return removal.fits();
  }
}
