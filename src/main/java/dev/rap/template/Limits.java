package dev.rap.template;

/**
 * What one rendering may use.
 *
 * @param steps nodes evaluated, elements and comparisons
 * @param characters in all strings that are made, the output included
 * @param depth of expressions, statements, macro calls and values within each other
 */
public record Limits(long steps, long characters, int depth) {
  /** Far above what a long conversation needs, some seconds at most. */
  public static final Limits DEFAULT = new Limits(20_000_000, 128 << 20, 500);

  public Limits {
    if (steps < 1 || characters < 1 || depth < 1) {
      throw new IllegalArgumentException(
          "limits must be positive, were %d, %d, %d".formatted(steps, characters, depth));
    }
  }
}
