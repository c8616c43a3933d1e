package dev.rap.dqn;

import java.util.random.RandomGenerator;

/**
 * The last transitions, drawn from uniformly. Rows are allocated when first used and then written
 * over, the oldest first.
 */
final class ReplayBuffer {
  private final float[][] observations;
  private final int[] actions;
  private final float[] rewards;
  private final float[][] nextObservations;
  private final boolean[][] nextValid;
  private final float[] nextDiscounts;
  private int size;
  private int next;

  ReplayBuffer(int capacity) {
    observations = new float[capacity][];
    actions = new int[capacity];
    rewards = new float[capacity];
    nextObservations = new float[capacity][];
    nextValid = new boolean[capacity][];
    nextDiscounts = new float[capacity];
  }

  int size() {
    return size;
  }

  void clear() {
    size = 0;
    next = 0;
  }

  /** Copies a transition in. */
  void add(
      float[] observation,
      int action,
      double reward,
      float[] nextObservation,
      boolean[] nextValidActions,
      double nextDiscount) {
    observations[next] = copy(observation, observations[next]);
    actions[next] = action;
    rewards[next] = (float) reward;
    nextObservations[next] = copy(nextObservation, nextObservations[next]);
    if (nextValid[next] == null) {
      nextValid[next] = nextValidActions.clone();
    } else {
      System.arraycopy(nextValidActions, 0, nextValid[next], 0, nextValidActions.length);
    }
    nextDiscounts[next] = (float) nextDiscount;
    next = (next + 1) % actions.length;
    size = Math.min(size + 1, actions.length);
  }

  private static float[] copy(float[] from, float[] to) {
    if (to == null) {
      return from.clone();
    }
    System.arraycopy(from, 0, to, 0, from.length);
    return to;
  }

  /** {@return the index of a transition, each as likely as any other} */
  int draw(RandomGenerator random) {
    return random.nextInt(size);
  }

  float[] observation(int index) {
    return observations[index];
  }

  int action(int index) {
    return actions[index];
  }

  float reward(int index) {
    return rewards[index];
  }

  float[] nextObservation(int index) {
    return nextObservations[index];
  }

  boolean[] nextValid(int index) {
    return nextValid[index];
  }

  /** {@return what the value of the next observation counts for; 0 where the episode ended} */
  float nextDiscount(int index) {
    return nextDiscounts[index];
  }
}
