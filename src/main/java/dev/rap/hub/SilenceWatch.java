package dev.rap.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Hangs up on servers that say nothing for too long. */
final class SilenceWatch implements AutoCloseable {
  private final Map<InputStream, Long> heardNanos = new ConcurrentHashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("rap-hub-watch").factory());
  private final Duration patience;

  SilenceWatch(Duration patience) {
    this.patience = patience;
    long millis = Math.max(1, patience.toMillis() / 4);
    var _ = timer.scheduleAtFixedRate(this::look, millis, millis, TimeUnit.MILLISECONDS);
  }

  void heard(InputStream body) {
    heardNanos.put(body, System.nanoTime());
  }

  void forget(InputStream body) {
    heardNanos.remove(body);
  }

  private void look() {
    long now = System.nanoTime();
    heardNanos.forEach(
        (body, heard) -> {
          if (now - heard > patience.toNanos()) {
            hangUp(body);
          }
        });
  }

  private static void hangUp(InputStream body) {
    try {
      body.close();
    } catch (IOException e) {
      // The reader learns of it by itself.
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
