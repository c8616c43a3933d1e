package dev.rap.pruning;

import dev.rap.dqn.DqnTrainer;
import dev.rap.dqn.QNetwork;
import dev.rap.memory.MemoryModel;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * Trains the agent of a model whose profile is there.
 *
 * <p>A measured loss costs a run of the model, and an agent needs more of them than can be had. So
 * it learns from a {@link LossSurrogate}, which begins with the masks that GSI measured. After each
 * round of learning the masks that the agent now chooses are measured, with some beside them, and
 * the surrogate is fitted anew: it becomes right where the agent goes, and where it was too
 * hopeful, the agent goes and finds out (after DAgger, Ross et al. 2011). The agent that is kept is
 * that of the round whose chosen masks have the least loss.
 *
 * <p>The same profile, plan and losses give the same agent. Belongs to one thread.
 *
 * <p>The paper publishes neither reward nor schedule; these are ours. Without a discount the return
 * of an episode is the rise of the final mask's loss, so the best policy is the one whose masks
 * cost least.
 *
 * @see <a href="https://arxiv.org/abs/2505.17138">RAP</a>
 * @see <a href="https://arxiv.org/abs/1011.0686">Ross, Gordon and Bagnell 2011</a>
 */
public final class AgentTrainer {
  /** Chance of any other removal where masks beside the agent's own are sought. */
  private static final double VARIATION = 0.1;

  private static final int VARIATIONS = 8;

  /** Masks kept back for the last round, whose choices are few that are new. */
  private static final int LAST_ROUND_MASKS = 20;

  private final MemoryModel memory;
  private final Profile profile;
  private final TrainingPlan plan;
  private final MeasuredMasks masks;
  private final Importances importances;
  private final StateEncoder encoder;
  private final List<TrainingGrid.Question> questions;
  private final SplittableRandom random;
  private int episodes;
  private long steps;

  /**
   * @param profile what it has measured already is not measured again
   * @param loss over the profile's calibration text
   */
  public AgentTrainer(MemoryModel memory, Profile profile, MaskLoss loss, TrainingPlan plan) {
    this.memory = memory;
    this.profile = profile;
    this.plan = plan;
    masks = new MeasuredMasks(profile, memory, loss);
    importances = new Importances(profile);
    encoder = new StateEncoder(importances);
    questions = TrainingGrid.questions(memory);
    random = new SplittableRandom(~plan.dqn().seed()); // not the trainer's own sequence
  }

  /** {@return the profile with the agent and all masks that are measured now} */
  public Profile train(TrainingListener listener) {
    LossSurrogate surrogate = fit(listener);
    PruningEnvironment environment = new PruningEnvironment(memory, encoder, surrogate);
    DqnTrainer trainer = new DqnTrainer(plan.dqn(), environment);
    QNetwork best = null;
    double bestLoss = Double.POSITIVE_INFINITY;
    double error = Double.NaN;
    for (int round = 1; round <= plan.rounds(); round++) {
      learn(trainer, listener);
      QNetwork network = trainer.network();
      double roundError = measure(network, surrogate, plan.rounds() - round, listener);
      error = Double.isNaN(roundError) ? error : roundError;
      double gridLoss = gridLoss(question -> greedy(network, question), surrogate);
      listener.round(new TrainingListener.Round(round, masks.measured(), roundError, gridLoss));
      if (gridLoss < bestLoss) {
        bestLoss = gridLoss;
        best = network;
      }
      surrogate = fit(listener);
      environment.follow(surrogate);
      trainer.forget();
    }
    Agent.Training training =
        new Agent.Training(
            episodes, steps, masks.measured(), error, bestLoss, gridLoss(this::gsi, surrogate));
    return profile.withAgent(new Agent(plan.dqn(), best, training), masks.beyondGsi());
  }

  private LossSurrogate fit(TrainingListener listener) {
    LossSurrogate surrogate = masks.surrogate(plan.dqn().seed());
    listener.fitted(masks.known(), surrogate.leaveOneOutError());
    return surrogate;
  }

  private void learn(DqnTrainer trainer, TrainingListener listener) {
    trainer.train(
        Math.ceilDiv(plan.dqn().steps(), plan.rounds()),
        episode -> {
          episodes = episode.number();
          steps = episode.step();
          listener.episode(episode);
        });
  }

  private BitSet greedy(QNetwork network, TrainingGrid.Question question) {
    return new DqnPolicy(memory, encoder, network)
        .removal(question.workload(), question.budget())
        .removed();
  }

  private BitSet gsi(TrainingGrid.Question question) {
    return new Removal(memory, question.workload(), question.budget())
        .removeInOrder(importances.gsiOrder())
        .removed();
  }

  /**
   * Measures this round's share of the masks: first the agent's own, then, unless this is the last
   * round, some beside them.
   *
   * @return the surrogate's error on them
   */
  private double measure(
      QNetwork network, LossSurrogate surrogate, int roundsLeft, TrainingListener listener) {
    int left = plan.masks() - masks.measured();
    int allowed =
        roundsLeft == 0 ? left : Math.ceilDiv(Math.max(left - LAST_ROUND_MASKS, 0), roundsLeft);
    Set<BitSet> wanted = new LinkedHashSet<>();
    questions.forEach(question -> wanted.add(greedy(network, question)));
    wanted.removeIf(masks::knows);
    for (int tries = 0;
        roundsLeft > 0 && wanted.size() < allowed && tries < plan.masks();
        tries++) {
      beside(network, surrogate, wanted).ifPresent(wanted::add);
    }
    double squares = 0;
    int count = 0;
    for (BitSet removed : wanted) {
      if (count == allowed) {
        break;
      }
      double error = masks.loss(removed) - surrogate.loss(removed);
      squares += error * error;
      count++;
      listener.measured(masks.measured(), plan.masks());
    }
    return Math.sqrt(squares / count);
  }

  /** {@return the best of some variations on the agent's choice, as the surrogate sees them} */
  private Optional<BitSet> beside(QNetwork network, LossSurrogate surrogate, Set<BitSet> wanted) {
    TrainingGrid.Question question = questions.get(random.nextInt(questions.size()));
    DqnPolicy policy = new DqnPolicy(memory, encoder, network);
    BitSet best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < VARIATIONS; i++) {
      BitSet removed =
          policy.removal(question.workload(), question.budget(), VARIATION, random).removed();
      if (!wanted.contains(removed) && !masks.knows(removed) && surrogate.loss(removed) < least) {
        least = surrogate.loss(removed);
        best = removed;
      }
    }
    return Optional.ofNullable(best);
  }

  private double gridLoss(Function<TrainingGrid.Question, BitSet> choice, LossSurrogate surrogate) {
    double sum = 0;
    for (TrainingGrid.Question question : questions) {
      BitSet removed = choice.apply(question);
      sum += masks.knows(removed) ? masks.loss(removed) : surrogate.loss(removed);
    }
    return sum / questions.size();
  }
}
