package dev.rap.template;

import java.math.BigInteger;
import java.util.List;

/** The arguments of a call, sorted to the parameters of a function. */
final class Parameters {
  private final Object[] values; // one for each parameter, null for what was not given
  private final Budget budget;

  private Parameters(Object[] values, Budget budget) {
    this.values = values;
    this.budget = budget;
  }

  /**
   * Sorts arguments.
   *
   * @param names parameters; those that may be left out end in {@code =}
   */
  static Parameters of(String function, Arguments arguments, Budget budget, String... names) {
    int required = 0;
    while (required < names.length && !names[required].endsWith("=")) {
      required++;
    }
    List<String> plain = List.of(names).stream().map(name -> name.replace("=", "")).toList();
    return new Parameters(arguments.bind(function, required, plain), budget);
  }

  boolean has(int index) {
    return values[index] != null;
  }

  Object get(int index) {
    return values[index];
  }

  Object get(int index, Object otherwise) {
    return has(index) ? values[index] : otherwise;
  }

  /** {@return what was given, None being as good as nothing} */
  boolean hasSome(int index) {
    return has(index) && values[index] != None.NONE;
  }

  boolean flag(int index, boolean otherwise) {
    return has(index) ? Sequences.isTrue(values[index]) : otherwise;
  }

  /** {@return an argument that must be a string} */
  String text(int index) {
    return textOf(values[index]);
  }

  String text(int index, String otherwise) {
    return has(index) ? text(index) : otherwise;
  }

  static String textOf(Object value) {
    String text = Types.text(value);
    if (text == null) {
      throw value instanceof Undefined undefined
          ? undefined.fault()
          : new Fault("expected a string, found a value of type '%s'".formatted(Types.name(value)));
    }
    return text;
  }

  /** {@return an argument as it prints} */
  String printed(int index) {
    return Text.of(values[index], budget);
  }

  /** {@return an argument that must be an integer, cut to what an int holds} */
  int integer(int index) {
    return cut(integerOf(values[index]));
  }

  int integer(int index, int otherwise) {
    return has(index) ? integer(index) : otherwise;
  }

  static BigInteger integerOf(Object value) {
    BigInteger number = Types.integer(value);
    if (number == null) {
      throw value instanceof Undefined undefined
          ? undefined.fault()
          : new Fault(
              "expected an integer, found a value of type '%s'".formatted(Types.name(value)));
    }
    return number;
  }

  static int cut(BigInteger number) {
    return number
        .max(BigInteger.valueOf(-Integer.MAX_VALUE))
        .min(BigInteger.valueOf(Integer.MAX_VALUE))
        .intValueExact();
  }
}
