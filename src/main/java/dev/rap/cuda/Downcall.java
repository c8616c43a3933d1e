package dev.rap.cuda;

/** What every call into a library needs. */
final class Downcall {
  private Downcall() {}

  /** {@return what to throw for what a method handle threw} */
  static RuntimeException unexpected(Throwable t) {
    if (t instanceof RuntimeException e) {
      return e;
    }
    if (t instanceof Error e) {
      throw e;
    }
    throw new AssertionError("a downcall threw a checked exception", t);
  }
}
