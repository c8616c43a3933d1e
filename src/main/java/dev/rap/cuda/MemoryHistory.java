package dev.rap.cuda;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The newest samples, for any thread. */
final class MemoryHistory {
  private final int limit;
  private final Deque<MemorySample> samples = new ArrayDeque<>();

  /**
   * @param limit most samples that are kept
   */
  MemoryHistory(int limit) {
    this.limit = limit;
  }

  synchronized void add(MemorySample sample) {
    if (samples.size() == limit) {
      samples.removeFirst();
    }
    samples.addLast(sample);
  }

  /** {@return the samples, oldest first} */
  synchronized List<MemorySample> all() {
    return List.copyOf(samples);
  }
}
