package dev.rap.template;

/** A template did something wrong; {@link Evaluator} and {@link Interpreter} add where. */
final class Fault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Fault(String message) {
    super(message, null, false, false);
  }
}
