package dev.rap.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;
import java.util.Map.Entry;

/** Which values are equal, which come first, and which lie in others. */
// As in Python, one and the same object is equal to itself where it is an element: NaN is in [NaN].
@SuppressWarnings("ReferenceEquality")
final class Equality {
  private Equality() {}

  static boolean same(Object a, Object b, Budget budget) {
    budget.step();
    if (isNumber(a) && isNumber(b)) {
      return compareNumbers(a, b) == 0;
    }
    String text = Types.text(a);
    if (text != null) {
      return text.equals(Types.text(b));
    }
    return switch (a) {
      case List<?> list -> b instanceof List<?> other && items(list, other, budget);
      case Tuple tuple -> b instanceof Tuple other && items(tuple.items(), other.items(), budget);
      case Range range -> b instanceof Range other && items(range.items(), other.items(), budget);
      case Dict dict -> b instanceof Dict other && dicts(dict, other, budget);
      case DictView view -> b instanceof DictView other && views(view, other, budget);
      case Undefined undefined -> b instanceof Undefined;
      default -> a == b;
    };
  }

  private static boolean items(List<?> a, List<?> b, Budget budget) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    boolean same = true;
    for (int i = 0; i < a.size() && same; i++) {
      same = sameOrEqual(a.get(i), b.get(i), budget);
    }
    budget.leave();
    return same;
  }

  /** {@return whether two elements are equal} */
  static boolean sameOrEqual(Object a, Object b, Budget budget) {
    return a == b || same(a, b, budget);
  }

  private static boolean dicts(Dict a, Dict b, Budget budget) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    boolean same = true;
    for (Iterator<Entry<Object, Object>> i = a.entries().iterator(); i.hasNext() && same; ) {
      Entry<Object, Object> entry = i.next();
      Object other = b.get(entry.getKey(), budget);
      same = other != null && sameOrEqual(entry.getValue(), other, budget);
    }
    budget.leave();
    return same;
  }

  private static boolean views(DictView a, DictView b, Budget budget) {
    boolean sets = a.kind() != DictView.Kind.VALUES && b.kind() != DictView.Kind.VALUES;
    if (!sets || a.dict().size() != b.dict().size()) {
      return a == b;
    }
    for (Object item : a.items()) {
      if (!contains(b, item, budget)) {
        return false;
      }
    }
    return true;
  }

  /** {@return whether {@code item in container}} */
  static boolean contains(Object container, Object item, Budget budget) {
    String text = Types.text(container);
    if (text != null) {
      String part = Types.text(item);
      if (part == null) {
        throw new Fault("a string contains only strings, not '%s'".formatted(Types.name(item)));
      }
      budget.search(text, part);
      return text.contains(part);
    }
    if (container instanceof Dict dict) {
      return dict.get(item, budget) != null;
    }
    if (container instanceof DictView view && view.kind() == DictView.Kind.KEYS) {
      return view.dict().get(item, budget) != null;
    }
    if (container instanceof Range && !isNumber(item)) {
      return false;
    }
    for (Iterator<Object> i = Sequences.iterate(container); i.hasNext(); ) {
      if (sameOrEqual(i.next(), item, budget)) {
        return true;
      }
    }
    return false;
  }

  /**
   * {@return less than zero if {@code a < b}, more if {@code a > b}} NaN is neither, and gives 2.
   */
  static int compare(Object a, Object b, String operator, Budget budget) {
    budget.step();
    if (isNumber(a) && isNumber(b)) {
      return compareNumbers(a, b);
    }
    String text = Types.text(a);
    String other = Types.text(b);
    if (text != null && other != null) {
      return compareTexts(text, other);
    }
    if (a instanceof List<?> list && b instanceof List<?> right) {
      return compareItems(list, right, operator, budget);
    }
    if (a instanceof Tuple tuple && b instanceof Tuple right) {
      return compareItems(tuple.items(), right.items(), operator, budget);
    }
    for (Object side : List.of(a, b)) {
      if (side instanceof Undefined undefined) {
        throw undefined.fault();
      }
    }
    throw new Fault(
        "'%s' is not supported between '%s' and '%s'"
            .formatted(operator, Types.name(a), Types.name(b)));
  }

  private static int compareItems(List<?> a, List<?> b, String operator, Budget budget) {
    budget.enter();
    int order = Integer.compare(a.size(), b.size());
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
      if (!sameOrEqual(a.get(i), b.get(i), budget)) {
        order = compare(a.get(i), b.get(i), operator, budget);
        break;
      }
    }
    budget.leave();
    return order;
  }

  // By code points, where Java compares chars.
  private static int compareTexts(String a, String b) {
    int end = Math.min(a.length(), b.length());
    for (int i = 0; i < end; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean bothOrNone = Character.isSurrogate(x) == Character.isSurrogate(y);
        return bothOrNone ? Integer.signum(x - y) : Character.isSurrogate(x) ? 1 : -1;
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  static boolean isNumber(Object value) {
    return value instanceof BigInteger || value instanceof Double || value instanceof Boolean;
  }

  private static int compareNumbers(Object a, Object b) {
    BigInteger left = Types.integer(a);
    BigInteger right = Types.integer(b);
    if (left != null && right != null) {
      return left.compareTo(right);
    }
    double x = left == null ? (Double) a : left.signum();
    double y = right == null ? (Double) b : right.signum();
    if (Double.isNaN(x) || Double.isNaN(y)) {
      return 2;
    }
    if (Double.isInfinite(x) || Double.isInfinite(y)) {
      return Double.compare(x, y);
    }
    return decimal(a).compareTo(decimal(b));
  }

  private static BigDecimal decimal(Object number) {
    return number instanceof Double value
        ? new BigDecimal(value)
        : new BigDecimal(Types.integer(number));
  }
}
