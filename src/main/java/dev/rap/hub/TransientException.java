package dev.rap.hub;

import java.time.Duration;
import java.util.Optional;

/** Something that may go better next time. The message is a sentence. */
final class TransientException extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Optional<Duration> pause;

  /**
   * @param pause what the server asks for
   */
  TransientException(String message, Optional<Duration> pause, Throwable cause) {
    super(message, cause);
    this.pause = pause;
  }

  Optional<Duration> pause() {
    return pause;
  }
}
