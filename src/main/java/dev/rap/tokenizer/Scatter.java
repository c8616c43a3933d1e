package dev.rap.tokenizer;

import java.util.Random;

/**
 * Spreads keys over the slots of a hash table, in each process differently: nobody can write a file
 * whose tokens all meet in one place.
 */
final class Scatter {
  private static final long FACTOR = new Random().nextLong() | 1;

  private Scatter() {}

  /** {@return a number all of whose 32 bits depend on all of {@code key}'s} */
  static int of(long key) {
    return (int) ((key * FACTOR) >>> 32);
  }

  /** The same of a text. */
  static int of(String text) {
    long hash = FACTOR;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * FACTOR;
      hash ^= hash >>> 32;
    }
    return (int) hash;
  }
}
