package dev.rap.dqn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ReplayBufferTest {

  @Test
  void newestTransitionReplacesTheOldest() {
    ReplayBuffer buffer = new ReplayBuffer(2);
    for (int t = 1; t <= 3; t++) {
      buffer.add(
          new float[] {t},
          t,
          10 * t,
          new float[] {t + 1},
          new boolean[] {t == 3},
          t == 3 ? 0 : 0.5);
    }
    assertEquals(2, buffer.size());
    Set<Integer> actions = new HashSet<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 100; i++) {
      actions.add(buffer.action(buffer.draw(random)));
    }
    assertEquals(Set.of(2, 3), actions);
    int last = buffer.action(0) == 3 ? 0 : 1;
    assertArrayEquals(new float[] {3}, buffer.observation(last));
    assertArrayEquals(new float[] {4}, buffer.nextObservation(last));
    assertArrayEquals(new boolean[] {true}, buffer.nextValid(last));
    assertEquals(30, buffer.reward(last));
    assertEquals(0, buffer.nextDiscount(last));
    assertEquals(0.5f, buffer.nextDiscount(1 - last));
  }

  @Test
  void keepsCopies() {
    ReplayBuffer buffer = new ReplayBuffer(1);
    float[] observation = {1};
    boolean[] valid = {true};
    buffer.add(observation, 0, 0, observation, valid, 1);
    observation[0] = 9;
    valid[0] = false;
    assertArrayEquals(new float[] {1}, buffer.observation(0));
    assertArrayEquals(new boolean[] {true}, buffer.nextValid(0));
  }
}
