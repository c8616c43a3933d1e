package dev.rap.template;

import java.math.BigInteger;
import java.util.List;

/** Gives its items over and over. */
final class Cycler {
  private final List<Object> items;
  private int index;

  Cycler(List<Object> items) {
    this.items = items;
  }

  Object attributeOrNull(String name) {
    return switch (name) {
      case "items" -> Tuple.of(items);
      case "pos" -> BigInteger.valueOf(index);
      case "current" -> items.get(index);
      case "next" ->
          (Function)
              arguments -> {
                Object item = items.get(index);
                index = (index + 1) % items.size();
                return item;
              };
      case "reset" ->
          (Function)
              arguments -> {
                index = 0;
                return None.NONE;
              };
      default -> null;
    };
  }
}
