package dev.rap.template;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** What may stand behind {@code is}. */
final class Tests {
  private static final Map<String, String> COMPARISONS =
      Map.ofEntries(
          Map.entry("==", "=="),
          Map.entry("eq", "=="),
          Map.entry("equalto", "=="),
          Map.entry("!=", "!="),
          Map.entry("ne", "!="),
          Map.entry(">", ">"),
          Map.entry("gt", ">"),
          Map.entry("greaterthan", ">"),
          Map.entry(">=", ">="),
          Map.entry("ge", ">="),
          Map.entry("<", "<"),
          Map.entry("lt", "<"),
          Map.entry("lessthan", "<"),
          Map.entry("<=", "<="),
          Map.entry("le", "<="));

  private static final Map<String, Predicate<Object>> KINDS =
      Map.ofEntries(
          Map.entry("defined", value -> !(value instanceof Undefined)),
          Map.entry("undefined", value -> value instanceof Undefined),
          Map.entry("none", value -> value == None.NONE),
          Map.entry("boolean", value -> value instanceof Boolean),
          Map.entry("true", value -> value.equals(true)),
          Map.entry("false", value -> value.equals(false)),
          Map.entry("integer", value -> value instanceof BigInteger),
          Map.entry("float", value -> value instanceof Double),
          Map.entry("number", Equality::isNumber),
          Map.entry("string", value -> Types.text(value) != null),
          Map.entry("mapping", value -> value instanceof Dict),
          Map.entry("sequence", Tests::isSequence),
          Map.entry(
              "iterable", value -> value instanceof Loop || Sequences.iterateOrNull(value) != null),
          Map.entry(
              "callable",
              value ->
                  value instanceof Function || value instanceof Loop || value instanceof Undefined),
          Map.entry("escaped", value -> value instanceof Markup));

  private static final Set<String> OTHERS =
      Set.of("odd", "even", "divisibleby", "filter", "test", "lower", "upper", "sameas", "in");

  private final Budget budget;

  Tests(Budget budget) {
    this.budget = budget;
  }

  static boolean exist(String name) {
    return COMPARISONS.containsKey(name) || KINDS.containsKey(name) || OTHERS.contains(name);
  }

  private static boolean isSequence(Object value) {
    return !(value instanceof DictView || value instanceof Loop)
        && Sequences.lengthOrLess(value) >= 0;
  }

  /** {@return whether a test holds for the first argument} */
  boolean apply(String name, Arguments arguments) {
    if (KINDS.containsKey(name)) {
      return KINDS.get(name).test(arguments.positionalOnly(name, 1, 1).getFirst());
    }
    if (COMPARISONS.containsKey(name)) {
      List<Object> both = arguments.positionalOnly(name, 2, 2);
      return compares(COMPARISONS.get(name), both.get(0), both.get(1));
    }
    return other(name, arguments);
  }

  private boolean other(String name, Arguments arguments) {
    return switch (name) {
      case "odd" -> rest(single(name, arguments), BigInteger.TWO, BigInteger.ONE);
      case "even" -> rest(single(name, arguments), BigInteger.TWO, BigInteger.ZERO);
      case "divisibleby" -> {
        Parameters given = Parameters.of(name, arguments, budget, "value", "num");
        yield rest(given.get(0), given.get(1), BigInteger.ZERO);
      }
      case "filter" -> named(name, arguments) instanceof String text && Filters.exist(text);
      case "test" -> named(name, arguments) instanceof String text && exist(text);
      case "lower" -> Letters.cased(Text.of(single(name, arguments), budget), false);
      case "upper" -> Letters.cased(Text.of(single(name, arguments), budget), true);
      case "sameas" -> {
        Parameters given = Parameters.of(name, arguments, budget, "value", "other");
        yield isSame(given.get(0), given.get(1));
      }
      case "in" -> {
        Parameters given = Parameters.of(name, arguments, budget, "value", "seq");
        yield Equality.contains(given.get(1), given.get(0), budget);
      }
      default -> throw new Fault("there is no test '%s'".formatted(name));
    };
  }

  private Object named(String name, Arguments arguments) {
    return Keys.of(single(name, arguments), budget);
  }

  private Object single(String name, Arguments arguments) {
    return Parameters.of(name, arguments, budget, "value").get(0);
  }

  private boolean rest(Object value, Object divisor, Object rest) {
    return Equality.same(
        Arithmetic.apply(Arithmetic.Operator.REMAINDER, value, divisor, budget), rest, budget);
  }

  @SuppressWarnings("ReferenceEquality") // is what this test asks for
  // Python keeps one object for each small integer and each short string.
  private static boolean isSame(Object a, Object b) {
    if (a instanceof Boolean || b instanceof Boolean) {
      return a.equals(b);
    }
    if (a instanceof BigInteger left && b instanceof BigInteger right) {
      boolean small = left.bitLength() <= 8 && left.intValue() >= -5 && left.intValue() <= 256;
      return left.equals(right) && (small || a == b);
    }
    return a == b
        || (a instanceof String left
            && b instanceof String right
            && left.length() <= 1
            && left.equals(right));
  }

  /** {@return whether {@code a operator b}} */
  boolean compares(String operator, Object a, Object b) {
    if (operator.equals("==") || operator.equals("!=")) {
      return Equality.same(a, b, budget) == operator.equals("==");
    }
    int order = Equality.compare(a, b, operator, budget);
    if (order == 2) {
      return false;
    }
    return switch (operator) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      default -> order >= 0;
    };
  }
}
