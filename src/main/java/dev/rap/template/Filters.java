package dev.rap.template;

import java.util.Map;

/** What may stand behind a bar. */
final class Filters {
  /** A filter, whose first argument is what it filters. */
  @FunctionalInterface
  interface Filter {
    Object apply(Filters filters, Arguments arguments);
  }

  private static final Map<String, Filter> ALL = new java.util.HashMap<>();

  static {
    ALL.putAll(TextFilters.ALL);
    ALL.putAll(SequenceFilters.ALL);
    ALL.putAll(SelectionFilters.ALL);
    ALL.putAll(NumberFilters.ALL);
  }

  private final Budget budget;
  private final Tests tests;

  Filters(Budget budget, Tests tests) {
    this.budget = budget;
    this.tests = tests;
  }

  static boolean exist(String name) {
    return ALL.containsKey(name);
  }

  Budget budget() {
    return budget;
  }

  Tests tests() {
    return tests;
  }

  Object apply(String name, Arguments arguments) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw new Fault("there is no filter '%s'".formatted(name));
    }
    return filter.apply(this, arguments);
  }

  /** {@return the arguments, sorted to the filter's parameters} */
  Parameters bind(String name, Arguments arguments, String... parameters) {
    return Parameters.of(name, arguments, budget, parameters);
  }
}
