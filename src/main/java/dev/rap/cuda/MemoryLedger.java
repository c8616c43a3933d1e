package dev.rap.cuda;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * How many bytes of device memory each {@link MemoryOwner} has. The device's thread changes it, any
 * thread reads it.
 */
final class MemoryLedger {
  private static final int TRIES = 20;
  private static final long PAUSE_NANOS = 50_000;

  private final Map<MemoryOwner, AtomicLong> bytes = new EnumMap<>(MemoryOwner.class);

  // Odd while an allocation or a release is under way.
  private final AtomicLong version = new AtomicLong();

  /** What was read from elsewhere, and the bytes at that moment. */
  record Snapshot<T>(T other, long weights, long kv, long workspace, long spare) {
    long ours() {
      return weights + kv + workspace + spare;
    }
  }

  MemoryLedger() {
    for (MemoryOwner owner : MemoryOwner.values()) {
      bytes.put(owner, new AtomicLong());
    }
  }

  void beginChange() {
    version.incrementAndGet();
  }

  void add(MemoryOwner owner, long change) {
    bytes.get(owner).addAndGet(change);
  }

  void endChange() {
    version.incrementAndGet();
  }

  long bytes(MemoryOwner owner) {
    return bytes.get(owner).get();
  }

  /**
   * Reads {@code other} between changes, so that it and the bytes belong together. Waits for a
   * millisecond or more if it must.
   *
   * @return empty if there was no such moment
   */
  <T> Optional<Snapshot<T>> read(Supplier<T> other) {
    for (int i = 0; i < TRIES; i++) {
      long before = version.get();
      if (before % 2 == 0) {
        Snapshot<T> snapshot =
            new Snapshot<>(
                other.get(),
                bytes(MemoryOwner.WEIGHTS),
                bytes(MemoryOwner.KV),
                bytes(MemoryOwner.WORKSPACE),
                bytes(MemoryOwner.SPARE));
        if (version.get() == before) {
          return Optional.of(snapshot);
        }
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    return Optional.empty();
  }
}
