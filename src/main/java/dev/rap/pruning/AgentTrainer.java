package dev.rap.pruning;

import dev.rap.dqn.DqnTrainer;
import dev.rap.dqn.QNetwork;
import dev.rap.memory.MemoryModel;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Trains the agent of a model whose profile is there.
 *
 * <p>A measured loss costs a run of the model, and an agent needs more of them than can be had. So
 * it learns from a {@link LossSurrogate}, which begins with the masks that GSI measured. After each
 * round of learning the masks that the agent now chooses are measured, with some beside them, and
 * the surrogate is fitted anew: it becomes right where the agent goes, and where it was too
 * hopeful, the agent goes and finds out (Ross et al. 2011, DAgger). The agent that is kept is the
 * one of the round whose chosen masks measured best.
 *
 * <p>The same profile, plan and losses give the same agent. Belongs to one thread.
 *
 * @see <a href="https://arxiv.org/abs/1011.0686">Ross, Gordon and Bagnell 2011</a>
 */
public final class AgentTrainer {
  private static final double EXPLORATION = 0.1;

  private final MemoryModel memory;
  private final Profile profile;
  private final TrainingPlan plan;
  private final MeasuredMasks masks;
  private final StateEncoder encoder;
  private final List<TrainingGrid.Question> questions;
  private final SplittableRandom random;

  public AgentTrainer(MemoryModel memory, Profile profile, MaskLoss loss, TrainingPlan plan) {
    this.memory = memory;
    this.profile = profile;
    this.plan = plan;
    masks = new MeasuredMasks(profile, memory, loss);
    encoder = new StateEncoder(new Importances(profile));
    questions = TrainingGrid.questions(memory);
    random = new SplittableRandom(~plan.dqn().seed());
  }

  /** {@return the profile with the agent and all masks that are measured now} */
  public Profile train(TrainingListener listener) {
    LossSurrogate surrogate = masks.surrogate(plan.dqn().seed());
    PruningEnvironment environment = new PruningEnvironment(memory, encoder, surrogate, 1);
    DqnTrainer trainer = new DqnTrainer(plan.dqn(), environment);
    int[] episodes = new int[1];
    long[] steps = new long[1];
    QNetwork best = null;
    double bestLoss = Double.POSITIVE_INFINITY;
    double error = Double.NaN;
    for (int round = 1; round <= plan.rounds(); round++) {
      trainer.train(
          plan.dqn().steps() / plan.rounds(),
          episode -> {
            episodes[0] = episode.number();
            steps[0] = episode.step();
            listener.episode(episode);
          });
      QNetwork network = trainer.network();
      int allowed =
          masks.measured() + (plan.masks() - masks.measured()) / (plan.rounds() - round + 1);
      double roundError = measure(network, surrogate, allowed, round < plan.rounds(), listener);
      double gridLoss = gridLoss(network, surrogate);
      listener.round(new TrainingListener.Round(round, masks.measured(), roundError, gridLoss));
      error = Double.isNaN(roundError) ? error : roundError;
      if (gridLoss < bestLoss) {
        bestLoss = gridLoss;
        best = network;
      }
      surrogate = masks.surrogate(plan.dqn().seed());
      environment.follow(surrogate);
      trainer.forget();
    }
    return profile.withAgent(
        new Agent(
            plan.dqn(),
            best,
            new Agent.Training(episodes[0], steps[0], masks.measured(), error, bestLoss, 0)),
        masks.beyondGsi());
  }

  private double measure(
      QNetwork network,
      LossSurrogate surrogate,
      int allowed,
      boolean explore,
      TrainingListener listener) {
    DqnPolicy policy = new DqnPolicy(memory, encoder, network);
    Set<BitSet> wanted = new LinkedHashSet<>();
    for (TrainingGrid.Question q : questions) {
      wanted.add(policy.removal(q.workload(), q.budget()).removed());
    }
    if (explore) {
      for (int pass = 0; pass < 4; pass++) {
        for (TrainingGrid.Question q : questions) {
          beside(policy, q, surrogate, wanted);
        }
      }
    }
    double squares = 0;
    int count = 0;
    for (BitSet removed : wanted) {
      if (masks.measured() < allowed && !masks.knows(removed)) {
        double error = masks.loss(removed) - surrogate.loss(removed);
        squares += error * error;
        count++;
        listener.measured(masks.measured(), plan.masks());
      }
    }
    return Math.sqrt(squares / count);
  }

  /** Adds the best of some variations of what the policy chooses, as the surrogate sees them. */
  private void beside(
      DqnPolicy policy, TrainingGrid.Question q, LossSurrogate surrogate, Set<BitSet> wanted) {
    BitSet best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < 8; i++) {
      BitSet removed = policy.removal(q.workload(), q.budget(), EXPLORATION, random).removed();
      if (!wanted.contains(removed) && !masks.knows(removed)) {
        double loss = surrogate.loss(removed);
        if (loss < least) {
          least = loss;
          best = removed;
        }
      }
    }
    if (best != null) {
      wanted.add(best);
    }
  }

  private double gridLoss(QNetwork network, LossSurrogate surrogate) {
    DqnPolicy policy = new DqnPolicy(memory, encoder, network);
    double sum = 0;
    for (TrainingGrid.Question q : questions) {
      BitSet removed = policy.removal(q.workload(), q.budget()).removed();
      sum += masks.knows(removed) ? masks.loss(removed) : surrogate.loss(removed);
    }
    return sum / questions.size();
  }
}
