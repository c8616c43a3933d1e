package dev.rap.hub;

import dev.rap.InputException;
import java.time.Duration;

/** Counts attempts that brought nothing, and waits between them. For one thread. */
final class Retries {
  private final HubSettings.Limits limits;
  private int failures;

  Retries(HubSettings.Limits limits) {
    this.limits = limits;
  }

  /** An attempt that may be repeated. */
  interface Attempt<T> {
    T run() throws TransientException;
  }

  /** {@return what {@code attempt} gives, when it does} */
  static <T> T of(HubSettings.Limits limits, Attempt<T> attempt) {
    Retries retries = new Retries(limits);
    while (true) {
      try {
        return attempt.run();
      } catch (TransientException e) {
        retries.failed(e);
      }
    }
  }

  /** Forgets the failures: something came. */
  void succeeded() {
    failures = 0;
  }

  /**
   * Waits as long as the server asks for, else a time that doubles.
   *
   * @throws InputException if that is too often or too long
   */
  void failed(TransientException e) {
    failures++;
    if (failures >= limits.attempts()) {
      String times = failures == 1 ? "" : " (%d times)".formatted(failures);
      throw new InputException(e.getMessage() + times, e);
    }
    Duration pause =
        e.pause().orElse(limits.pause().multipliedBy(1L << Math.min(failures - 1, 20)));
    if (pause.compareTo(limits.longestPause()) > 0) {
      throw new InputException(
          "%s and asks to wait %d s: try again then".formatted(e.getMessage(), pause.toSeconds()),
          e);
    }
    try {
      Thread.sleep(pause);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new InputException("interrupted", interrupted);
    }
  }
}
