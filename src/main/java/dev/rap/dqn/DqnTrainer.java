package dev.rap.dqn;

import java.util.ArrayDeque;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Trains a {@link QNetwork} by acting in an {@link Environment}: epsilon-greedy, experience replay,
 * a target network, Huber loss, Adam.
 *
 * <p>Differences from Mnih et al. 2015: the bootstrap is double (the online network chooses the
 * next action, the target network values it; van Hasselt et al. 2015), invalid actions are left out
 * both when acting and in that choice, a return may hold several rewards before the estimate
 * (uncorrected for exploration, as in Rainbow), Adam instead of RMSProp, a learning rate that falls
 * linearly, Huber's loss instead of clipped rewards.
 *
 * <p>The same configuration in an environment that behaves the same gives the same network.
 *
 * @see <a href="https://doi.org/10.1038/nature14236">Mnih et al. 2015</a>
 * @see <a href="https://arxiv.org/abs/1509.06461">van Hasselt, Guez and Silver 2015</a>
 * @see <a href="https://arxiv.org/abs/1710.02298">Rainbow, Hessel et al. 2017</a>
 */
public final class DqnTrainer {
  private final DqnConfig config;
  private final Environment environment;
  private final SplittableRandom random;
  private final QNetwork online;
  private final QNetwork target;
  private final QNetwork.Activations activations;
  private final QNetwork.Activations targetActivations;
  private final Adam adam;
  private final ReplayBuffer replay;
  private final Gradient gradient;
  private final float[] observation;
  private final float[] nextObservation;
  private final boolean[] valid;
  private final ArrayDeque<Pending> pending = new ArrayDeque<>();
  private long step;
  private int episodes;

  public DqnTrainer(DqnConfig config, Environment environment) {
    this.config = config;
    this.environment = environment;
    random = new SplittableRandom(config.seed());
    online =
        QNetwork.random(
            environment.observationSize(),
            environment.actions(),
            config.networkParameters(),
            random);
    target = online.copy();
    activations = online.newActivations();
    targetActivations = target.newActivations();
    gradient = new Gradient(online);
    adam = new Adam(online);
    replay = new ReplayBuffer(config.replayCapacity());
    observation = new float[environment.observationSize()];
    nextObservation = new float[environment.observationSize()];
    valid = new boolean[environment.actions()];
  }

  /** A choice whose return is not complete yet. */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  private record Pending(float[] observation, int action, double reward) {}

  /**
   * What an episode came to.
   *
   * @param number counted from 1
   * @param step environment steps since the beginning
   * @param reward the sum over the episode, not discounted
   * @param loss mean Huber loss of the episode's gradient steps; NaN where there was none
   * @param epsilon the exploration rate at its end
   */
  public record Episode(int number, long step, double reward, double loss, double epsilon) {}

  /** {@return a copy of the network as trained so far} */
  public QNetwork network() {
    return online.copy();
  }

  /** Forgets the transitions, which an environment that has changed makes false. */
  public void forget() {
    replay.clear();
  }

  /** Plays whole episodes until {@code steps} more environment steps have been taken. */
  public void train(int steps, Consumer<Episode> listener) {
    long end = step + steps;
    while (step < end) {
      listener.accept(play());
    }
  }

  private Episode play() {
    environment.reset(random);
    double reward = 0;
    double loss = 0;
    int updates = 0;
    do {
      reward += act();
      if (replay.size() >= config.learningStarts() && step % config.learningInterval() == 0) {
        loss += learn();
        updates++;
      }
      if (step % config.targetUpdateInterval() == 0) {
        target.copyFrom(online);
      }
    } while (!environment.done());
    episodes++;
    return new Episode(episodes, step, reward, loss / updates, config.epsilon().at(step));
  }

  private double act() {
    environment.observe(observation);
    environment.validActions(valid);
    int action =
        random.nextDouble() < config.epsilon().at(step) ? anyAction() : bestAction(observation);
    double reward = environment.step(action);
    pending.addLast(new Pending(observation.clone(), action, reward));
    step++;
    if (environment.done()) {
      while (!pending.isEmpty()) {
        remember(0);
      }
    } else if (pending.size() == config.returnSteps()) {
      environment.observe(nextObservation);
      environment.validActions(valid);
      remember(Math.pow(config.discount(), config.returnSteps()));
    }
    return reward;
  }

  /** Moves the oldest pending choice into the replay buffer, with all rewards since. */
  private void remember(double nextDiscount) {
    double reward = 0;
    double discount = 1;
    for (Pending p : pending) {
      reward += discount * p.reward;
      discount *= config.discount();
    }
    Pending first = pending.removeFirst();
    replay.add(first.observation, first.action, reward, nextObservation, valid, nextDiscount);
  }

  private int anyAction() {
    int count = 0;
    for (boolean v : valid) {
      count += v ? 1 : 0;
    }
    int left = random.nextInt(count);
    int action = 0;
    while (!valid[action] || left-- > 0) {
      action++;
    }
    return action;
  }

  private int bestAction(float[] seen) {
    online.forward(seen, activations);
    return activations.bestAction(valid);
  }

  /** {@return the mean Huber loss of the batch before the step} */
  private double learn() {
    gradient.restart();
    double loss = 0;
    for (int i = 0; i < config.batchSize(); i++) {
      int drawn = replay.draw(random);
      double goal = goal(drawn);
      online.forward(replay.observation(drawn), activations);
      int action = replay.action(drawn);
      double error = activations.value(action) - goal;
      loss += Math.abs(error) <= 1 ? error * error / 2 : Math.abs(error) - 0.5;
      float slope = (float) (Math.clamp(error, -1, 1) / config.batchSize());
      gradient.add(replay.observation(drawn), action, slope, activations);
    }
    adam.step(gradient, config.learningRateAt(step));
    return loss / config.batchSize();
  }

  private double goal(int drawn) {
    if (replay.nextDiscount(drawn) == 0) {
      return replay.reward(drawn);
    }
    online.forward(replay.nextObservation(drawn), activations);
    int action = activations.bestAction(replay.nextValid(drawn));
    target.forward(replay.nextObservation(drawn), targetActivations);
    return replay.reward(drawn) + replay.nextDiscount(drawn) * targetActivations.value(action);
  }
}
