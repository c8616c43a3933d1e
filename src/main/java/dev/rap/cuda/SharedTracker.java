package dev.rap.cuda;

import java.util.Optional;

/**
 * The one tracker of a device, which begins with the first question: who never asks has no thread
 * that does.
 */
final class SharedTracker implements AutoCloseable {
  private final CudaDevice device;
  private MemoryTracker tracker;

  SharedTracker(CudaDevice device) {
    this.device = device;
  }

  /** {@return the newest sample, a few milliseconds old; empty while memory cannot be read} */
  Optional<MemorySample> latest() {
    if (tracker == null) {
      tracker = MemoryTracker.start(device);
    }
    return tracker.problem().isPresent() ? Optional.empty() : Optional.of(tracker.latest());
  }

  @Override
  public void close() {
    if (tracker != null) {
      tracker.close();
    }
  }
}
