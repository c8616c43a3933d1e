package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.PriorityQueue;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LongQueueTest {

  // Pushes and pops come in runs, so that the queue is often empty and often full of late values.
  @ParameterizedTest
  @ValueSource(longs = {1, 3, 1000, 1L << 40, Long.MAX_VALUE})
  void valuesComeInTheOrderThatJavasQueueHas(long bound) {
    SplittableRandom random = new SplittableRandom(bound);
    LongQueue queue = new LongQueue();
    PriorityQueue<Long> expected = new PriorityQueue<>();
    for (int run = 0; run < 2_000; run++) {
      for (int i = random.nextInt(20); i > 0; i--) {
        long value = random.nextLong(bound);
        queue.push(value);
        expected.add(value);
      }
      for (int i = random.nextInt(25); i > 0 && !expected.isEmpty(); i--) {
        assertEquals(expected.remove(), queue.pop());
      }
      assertEquals(expected.isEmpty(), queue.isEmpty());
    }
    while (!expected.isEmpty()) {
      assertEquals(expected.remove(), queue.pop());
    }
    assertTrue(queue.isEmpty());
  }
}
