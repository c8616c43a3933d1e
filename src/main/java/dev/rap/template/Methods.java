package dev.rap.template;

import java.math.BigInteger;
import java.util.List;

/** Attributes of everything but strings. */
final class Methods {
  private Methods() {}

  static Object ofDictOrNull(Dict dict, String name, Budget budget) {
    return switch (name) {
      case "keys" -> view(name, DictView.Kind.KEYS, dict);
      case "values" -> view(name, DictView.Kind.VALUES, dict);
      case "items" -> view(name, DictView.Kind.ITEMS, dict);
      case "get" ->
          (Function)
              arguments -> {
                List<Object> given = arguments.positionalOnly("get", 1, 2);
                Object value = dict.get(given.getFirst(), budget);
                Object otherwise = given.size() > 1 ? given.get(1) : None.NONE;
                return value == null ? otherwise : value;
              };
      case "copy" ->
          (Function)
              arguments -> {
                arguments.positionalOnly("copy", 0, 0);
                Dict copy = new Dict();
                dict.entries().forEach(entry -> copy.put(entry.getKey(), entry.getValue(), budget));
                return copy;
              };
      case "fromkeys" -> (Function) arguments -> fromKeys(arguments, budget);
      default -> null;
    };
  }

  private static Function view(String name, DictView.Kind kind, Dict dict) {
    return arguments -> {
      arguments.positionalOnly(name, 0, 0);
      return new DictView(kind, dict);
    };
  }

  static Dict fromKeys(Arguments arguments, Budget budget) {
    List<Object> given = arguments.positionalOnly("fromkeys", 1, 2);
    Object value = given.size() > 1 ? given.get(1) : None.NONE;
    Dict dict = new Dict();
    Sequences.list(given.getFirst(), budget).forEach(key -> dict.put(key, value, budget));
    return dict;
  }

  static Object ofMacroOrNull(Macro macro, String name) {
    return switch (name) {
      case "name" -> macro.name();
      case "arguments" -> Tuple.of(List.copyOf(macro.code().parameters()));
      case "catch_kwargs" -> macro.code().special().contains("kwargs");
      case "catch_varargs" -> macro.code().special().contains("varargs");
      case "caller" -> macro.code().special().contains("caller");
      default -> null;
    };
  }

  static Object ofOthersOrNull(Object target, String name, Budget budget) {
    List<Object> items = Sequences.itemsOrNull(target);
    if (items != null) {
      return ofSequenceOrNull(target, items, name, budget);
    }
    BigInteger integer = Types.integer(target);
    return switch (target) {
      case Double number -> ofDoubleOrNull(number, name);
      case Object other when integer != null -> ofIntegerOrNull(integer, name);
      case Globals.DictMaker maker when name.equals("fromkeys") ->
          (Function) arguments -> fromKeys(arguments, budget);
      default -> null;
    };
  }

  private static Object ofSequenceOrNull(
      Object target, List<Object> items, String name, Budget budget) {
    return switch (name) {
      case "count" ->
          (Function)
              arguments -> {
                Object sought = arguments.positionalOnly("count", 1, 1).getFirst();
                long count =
                    items.stream()
                        .filter(item -> Equality.sameOrEqual(item, sought, budget))
                        .count();
                return BigInteger.valueOf(count);
              };
      case "index" -> (Function) arguments -> indexOf(items, arguments, budget);
      case "copy" -> target instanceof List<?> ? (Function) arguments -> List.copyOf(items) : null;
      case "start" -> target instanceof Range range ? range.start() : null;
      case "stop" -> target instanceof Range range ? range.stop() : null;
      case "step" -> target instanceof Range range ? range.step() : null;
      default -> null;
    };
  }

  private static BigInteger indexOf(List<Object> items, Arguments arguments, Budget budget) {
    List<Object> given = arguments.positionalOnly("index", 1, 3);
    Object start = given.size() > 1 ? given.get(1) : None.NONE;
    Object stop = given.size() > 2 ? given.get(2) : None.NONE;
    Bounds bounds = Bounds.of(start, stop, None.NONE, items.size());
    for (int i = bounds.start(); i < bounds.start() + bounds.count(); i++) {
      if (Equality.sameOrEqual(items.get(i), given.getFirst(), budget)) {
        return BigInteger.valueOf(i);
      }
    }
    throw new Fault("the value is not in the list");
  }

  private static Object ofIntegerOrNull(BigInteger number, String name) {
    return switch (name) {
      case "real", "numerator" -> number;
      case "imag" -> BigInteger.ZERO;
      case "denominator" -> BigInteger.ONE;
      case "bit_length" -> (Function) arguments -> BigInteger.valueOf(number.abs().bitLength());
      case "bit_count" -> (Function) arguments -> BigInteger.valueOf(number.abs().bitCount());
      case "conjugate" -> (Function) arguments -> number;
      default -> null;
    };
  }

  private static Object ofDoubleOrNull(Double number, String name) {
    return switch (name) {
      case "real" -> number;
      case "imag" -> 0.0;
      case "is_integer" ->
          (Function) arguments -> !number.isInfinite() && number == Math.rint(number);
      case "conjugate" -> (Function) arguments -> number;
      default -> null;
    };
  }
}
