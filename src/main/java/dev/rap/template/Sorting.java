package dev.rap.template;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Sorting by keys, as Python's {@code sorted}. */
final class Sorting {
  private record Keyed(Object key, Object value) {}

  private Sorting() {}

  static int order(Object a, Object b, Budget budget) {
    int order = Equality.compare(a, b, "<", budget);
    return order == 2 ? 0 : order;
  }

  /** {@return the values in order; of those with equal keys, the first stays the first} */
  static List<Object> sorted(
      List<Object> values, UnaryOperator<Object> key, boolean reverse, Budget budget) {
    List<Keyed> keyed = new ArrayList<>();
    for (Object value : values) {
      keyed.add(new Keyed(key.apply(value), value));
    }
    int sign = reverse ? -1 : 1;
    try {
      keyed.sort((a, b) -> sign * order(a.key(), b.key(), budget));
    } catch (IllegalArgumentException e) { // NaN has no place in any order
      throw new Fault("these values have no order");
    }
    return keyed.stream().map(Keyed::value).toList();
  }
}
