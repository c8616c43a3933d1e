package dev.rap.template;

/** How much of its {@link Limits} a rendering has used. */
final class Budget {
  // A search may look at each character of what is sought at each place; comparing is that fast.
  private static final int COMPARED_PER_STEP = 1024;

  // Looking at the clock takes as long as a short step.
  private static final int STEPS_PER_LOOK = 16;

  private final Limits limits;
  private final long start = System.nanoTime();
  private int looks;
  private long steps;
  private long characters;
  private int depth;

  Budget(Limits limits) {
    this.limits = limits;
  }

  void step() {
    steps(1);
  }

  void steps(long count) {
    steps += count;
    if (steps > limits.steps()) {
      throw new Fault("this takes more than %d steps".formatted(limits.steps()));
    }
    if (++looks % STEPS_PER_LOOK == 0 && System.nanoTime() - start > limits.time().toNanos()) {
      throw new Fault("this takes longer than %d ms".formatted(limits.time().toMillis()));
    }
  }

  /** Is told before a string is made. */
  void characters(long count) {
    characters += count;
    if (characters > limits.characters()) {
      throw new Fault(
          "this makes strings of more than %d characters".formatted(limits.characters()));
    }
  }

  /** Is told before a text is searched for {@code sought}. */
  void search(String text, String sought) {
    long places = Math.max(0, (long) text.length() - sought.length() + 1);
    steps((text.length() + places * sought.length()) / COMPARED_PER_STEP);
  }

  void enter() {
    if (++depth > limits.depth()) {
      throw new Fault("this is nested more than %d levels deep".formatted(limits.depth()));
    }
  }

  void leave() {
    depth--;
  }
}
