package dev.rap.template;

import java.math.BigInteger;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.List;

/** The functions that every template has. */
final class Globals {
  /** The function {@code dict}, which has an attribute. */
  record DictMaker(Function maker) implements Function {
    @Override
    public Object call(Arguments arguments) {
      return maker.call(arguments);
    }
  }

  private Globals() {}

  static void define(Scope scope, Budget budget, Clock clock) {
    scope.set("range", (Function) Globals::range);
    scope.set("dict", new DictMaker(arguments -> dict(arguments, budget)));
    scope.set("namespace", (Function) arguments -> namespace(arguments, budget));
    scope.set(
        "raise_exception",
        (Function)
            arguments -> {
              Object message =
                  Parameters.of("raise_exception", arguments, budget, "message").get(0);
              throw new Fault(Text.of(message, budget));
            });
    scope.set(
        "strftime_now",
        (Function)
            arguments -> {
              String format = Parameters.of("strftime_now", arguments, budget, "format").text(0);
              budget.characters(format.length() * 16L);
              return Strftime.format(format, ZonedDateTime.now(clock));
            });
    scope.set(
        "cycler",
        (Function)
            arguments -> new Cycler(arguments.positionalOnly("cycler", 1, Integer.MAX_VALUE)));
    scope.set("joiner", (Function) arguments -> joiner(arguments, budget));
  }

  private static Object range(Arguments arguments) {
    List<Object> given = arguments.positionalOnly("range", 1, 3);
    BigInteger first = Parameters.integerOf(given.getFirst());
    if (given.size() == 1) {
      return Range.limited(BigInteger.ZERO, first, BigInteger.ONE);
    }
    BigInteger step = given.size() > 2 ? Parameters.integerOf(given.get(2)) : BigInteger.ONE;
    return Range.limited(first, Parameters.integerOf(given.get(1)), step);
  }

  private static Dict dict(Arguments arguments, Budget budget) {
    Dict dict = new Dict();
    List<Object> given =
        new Arguments(arguments.positional(), java.util.Map.of()).positionalOnly("dict", 0, 1);
    if (!given.isEmpty() && given.getFirst() instanceof Dict other) {
      other.entries().forEach(entry -> dict.put(entry.getKey(), entry.getValue(), budget));
    } else if (!given.isEmpty()) {
      for (Object pair : Sequences.list(given.getFirst(), budget)) {
        List<Object> both = Sequences.list(pair, budget);
        if (both.size() != 2) {
          throw new Fault("a dict is made of pairs, found %d values".formatted(both.size()));
        }
        dict.put(both.get(0), both.get(1), budget);
      }
    }
    arguments.named().forEach((name, value) -> dict.put(name, value, budget));
    return dict;
  }

  private static Namespace namespace(Arguments arguments, Budget budget) {
    Namespace namespace = new Namespace();
    dict(arguments, budget)
        .entries()
        .forEach(entry -> namespace.set(entry.getKey(), entry.getValue(), budget));
    return namespace;
  }

  private static Function joiner(Arguments arguments, Budget budget) {
    Object separator = Parameters.of("joiner", arguments, budget, "sep=").get(0, ", ");
    boolean[] used = {false};
    return nothing -> {
      nothing.positionalOnly("joiner", 0, 0);
      Object text = used[0] ? separator : "";
      used[0] = true;
      return text;
    };
  }
}
