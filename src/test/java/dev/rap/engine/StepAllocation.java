package dev.rap.engine;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Set;

/** What steps leave on Java's heap. */
public final class StepAllocation {
  private static final int WARM = 20_000;
  private static final int WINDOWS = 20;
  private static final int WINDOW = 200;

  private StepAllocation() {}

  /**
   * {@return the fewest bytes that the calling thread allocates in 200 steps of one sequence, once
   * they are compiled}
   *
   * <p>The fewest of 20 times, since the sequence's list of tokens may grow in one of them.
   */
  public static long bytes(Backend backend) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int context = WINDOWS * WINDOW + 2;
    try (Engine engine = new Engine(backend, Engine.Options.single(context))) {
      for (int steps = 0; steps < WARM; steps += context) {
        Sequence sequence = submit(engine, context);
        while (sequence.status() != Sequence.Status.FINISHED) {
          engine.step();
        }
      }
      submit(engine, context);
      long least = Long.MAX_VALUE;
      for (int i = 0; i < WINDOWS; i++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int j = 0; j < WINDOW; j++) {
          engine.step();
        }
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
      }
      return least;
    }
  }

  private static Sequence submit(Engine engine, int context) {
    return engine.submit(new int[] {1}, SamplingOptions.GREEDY, context, Set.of());
  }
}
