package dev.rap;

/**
 * Something from outside is not as it must be: a file, a flag, a request, the machine.
 *
 * <p>The message is the one sentence that the user reads: what, where, expected, found, what to do.
 * It is one line, and what a file says in it steers no terminal: for a control character there is a
 * {@code ?}.
 */
public final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InputException(String message) {
    super(printable(message));
  }

  public InputException(String message, Throwable cause) {
    super(printable(message), cause);
  }

  private static String printable(String message) {
    return message.replaceAll("\\R\\s*", " ").replaceAll("\\p{Cc}", "?");
  }
}
