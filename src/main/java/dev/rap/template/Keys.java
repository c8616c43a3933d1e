package dev.rap.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** What stands for a value among the keys of a {@link Dict}: the same for values that are equal. */
final class Keys {
  private record TupleKey(List<Object> items) {}

  private enum UndefinedKey {
    KEY
  }

  private Keys() {}

  static Object of(Object value, Budget budget) {
    return switch (value) {
      case Boolean flag -> flag ? BigInteger.ONE : BigInteger.ZERO;
      case Double number -> ofDouble(number);
      case Markup markup -> markup.text();
      case Tuple tuple -> ofTuple(tuple, budget);
      case Undefined undefined -> UndefinedKey.KEY;
      case List<?> list -> throw unhashable(list);
      case Dict dict -> throw unhashable(dict);
      case DictView view -> throw unhashable(view);
      default -> value;
    };
  }

  private static Object ofDouble(Double number) {
    boolean whole = !number.isInfinite() && number == Math.rint(number);
    return whole ? new BigDecimal(number).toBigInteger() : (Object) number;
  }

  private static Object ofTuple(Tuple tuple, Budget budget) {
    budget.enter();
    List<Object> items = new ArrayList<>();
    for (Object item : tuple.items()) {
      budget.step();
      items.add(of(item, budget));
    }
    budget.leave();
    return new TupleKey(items);
  }

  private static Fault unhashable(Object value) {
    return new Fault("unhashable type: '%s'".formatted(Types.name(value)));
  }
}
