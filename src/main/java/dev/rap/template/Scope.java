package dev.rap.template;

import java.util.HashMap;
import java.util.Map;

/** Variables of a block, and behind them those of the blocks around it. */
final class Scope {
  private final Scope outer; // null for the outermost
  private final Map<String, Object> variables = new HashMap<>();

  Scope(Scope outer) {
    this.outer = outer;
  }

  void set(String name, Object value) {
    variables.put(name, value);
  }

  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Object value = scope.variables.get(name);
      if (value != null) {
        return value;
      }
    }
    return new Undefined("'%s' is undefined".formatted(name));
  }
}
