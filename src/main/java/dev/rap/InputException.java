package dev.rap;

/**
 * Something from outside is not as it must be: a file, a flag, a request, the machine.
 *
 * <p>The message is the one sentence that the user reads: what, where, expected, found, what to do.
 */
public final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InputException(String message) {
    super(message);
  }

  public InputException(String message, Throwable cause) {
    super(message, cause);
  }
}
