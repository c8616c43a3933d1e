package dev.rap.template;

import java.time.Duration;

/**
 * What one rendering may use.
 *
 * @param steps nodes evaluated, names and constants aside, elements and comparisons
 * @param characters in all strings that are made, the output included
 * @param depth of expressions, statements, macro calls and values within each other
 * @param time for steps that are long, on long strings
 */
public record Limits(long steps, long characters, int depth, Duration time) {
  /** Far above what a long conversation needs. Memory stays below half a gigabyte. */
  public static final Limits DEFAULT = new Limits(4_000_000, 64 << 20, 400, Duration.ofSeconds(5));

  public Limits {
    if (steps < 1 || characters < 1 || depth < 1 || !time.isPositive()) {
      throw new IllegalArgumentException(
          "limits must be positive, were %d, %d, %d, %s".formatted(steps, characters, depth, time));
    }
  }
}
