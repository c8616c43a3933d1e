package dev.rap.template;

import java.util.List;

/**
 * A sequence that is written in parentheses.
 *
 * @param items immutable
 * @param names attributes for the items, as many, or none
 */
record Tuple(List<Object> items, List<String> names) {
  static Tuple of(Object... items) {
    return new Tuple(List.of(items), List.of());
  }

  static Tuple of(List<Object> items) {
    return new Tuple(items, List.of());
  }
}
