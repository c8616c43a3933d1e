package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/** The variable {@code loop}. Looks at most one item ahead, unless it is asked for the length. */
final class Loop {
  private final int depth; // 0 for the outermost of a recursive loop
  private final Optional<Function> recursion;
  private final Budget budget;
  private final int knownLength; // -1 if items have to be counted
  private Iterator<Object> items;
  private int length = -1;
  private int index = -1;
  private Object before;
  private Object current;
  private Object after; // null if it was not looked at
  private List<Object> changing;

  Loop(Object items, int knownLength, int depth, Optional<Function> recursion, Budget budget) {
    this.items = Sequences.iterate(items);
    this.knownLength = knownLength;
    this.depth = depth;
    this.recursion = recursion;
    this.budget = budget;
  }

  boolean advance() {
    if (!peek()) {
      return false;
    }
    budget.step();
    before = current;
    current = after;
    after = null;
    index++;
    return true;
  }

  Object current() {
    return current;
  }

  private boolean peek() {
    if (after == null && items.hasNext()) {
      after = items.next();
    }
    return after != null;
  }

  int length() {
    if (length < 0) {
      length = knownLength;
    }
    if (length < 0) {
      List<Object> rest = new ArrayList<>();
      while (items.hasNext()) {
        budget.step();
        rest.add(items.next());
      }
      items = rest.iterator();
      length = rest.size() + index + 1 + (after == null ? 0 : 1);
    }
    return length;
  }

  Object attributeOrNull(String name) {
    return switch (name) {
      case "index" -> BigInteger.valueOf(index + 1);
      case "index0" -> BigInteger.valueOf(index);
      case "revindex" -> BigInteger.valueOf((long) length() - index);
      case "revindex0" -> BigInteger.valueOf((long) length() - index - 1);
      case "first" -> index == 0;
      case "last" -> !peek();
      case "length" -> BigInteger.valueOf(length());
      case "depth" -> BigInteger.valueOf(depth + 1);
      case "depth0" -> BigInteger.valueOf(depth);
      case "previtem" -> index == 0 ? new Undefined("there is no previous item") : before;
      case "nextitem" -> peek() ? after : new Undefined("there is no next item");
      case "cycle" -> (Function) this::cycle;
      case "changed" -> (Function) this::changed;
      default -> null;
    };
  }

  private Object cycle(Arguments arguments) {
    List<Object> values = arguments.positionalOnly("cycle", 1, Integer.MAX_VALUE);
    return values.get(index % values.size());
  }

  private Object changed(Arguments arguments) {
    List<Object> values = arguments.positionalOnly("changed", 0, Integer.MAX_VALUE);
    boolean changed = changing == null || !Equality.same(changing, values, budget);
    changing = values;
    return changed;
  }

  Object call(Arguments arguments) {
    return recursion
        .orElseThrow(() -> new Fault("only a loop that is marked 'recursive' can be called"))
        .call(arguments);
  }

  @Override
  public String toString() {
    return "<LoopContext %d/%d>".formatted(index + 1, length());
  }
}
