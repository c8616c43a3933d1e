package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/** What values consist of: truth, length, elements, slices. */
final class Sequences {
  private Sequences() {}

  static boolean isTrue(Object value) {
    return switch (value) {
      case None none -> false;
      case Undefined undefined -> false;
      case Boolean flag -> flag;
      case BigInteger number -> number.signum() != 0;
      case Double number -> number != 0;
      case Lazy lazy -> true;
      default -> {
        int length = lengthOrLess(value);
        yield length != 0;
      }
    };
  }

  /** {@return how many elements there are, or -1 if that is no question} */
  static int lengthOrLess(Object value) {
    return switch (value) {
      case String text -> CodePoints.length(text);
      case Markup markup -> CodePoints.length(markup.text());
      case Dict dict -> dict.size();
      case DictView view -> view.dict().size();
      case Undefined undefined -> 0;
      case Loop loop -> loop.length();
      default -> {
        List<Object> items = itemsOrNull(value);
        yield items == null ? -1 : items.size();
      }
    };
  }

  static BigInteger length(Object value) {
    int length = lengthOrLess(value);
    if (length < 0) {
      throw new Fault("a value of type '%s' has no length".formatted(Types.name(value)));
    }
    return BigInteger.valueOf(length);
  }

  /** {@return the elements of a list, tuple or range, or null} */
  @SuppressWarnings("unchecked") // all lists are of values
  static List<Object> itemsOrNull(Object value) {
    return switch (value) {
      case List<?> list -> (List<Object>) list;
      case Tuple tuple -> tuple.items();
      case Range range -> range.items();
      default -> null;
    };
  }

  static Iterator<Object> iterate(Object value) {
    Iterator<Object> items = iterateOrNull(value);
    if (items == null) {
      throw new Fault("a value of type '%s' cannot be iterated".formatted(Types.name(value)));
    }
    return items;
  }

  static Iterator<Object> iterateOrNull(Object value) {
    return switch (value) {
      case String text -> CodePoints.iterate(text);
      case Markup markup -> CodePoints.iterate(markup.text());
      case Dict dict -> new DictView(DictView.Kind.KEYS, dict).items().iterator();
      case DictView view -> view.items().iterator();
      case Lazy lazy -> lazy.items();
      case Undefined undefined -> Collections.emptyIterator();
      default -> {
        List<Object> items = itemsOrNull(value);
        yield items == null ? null : items.iterator();
      }
    };
  }

  /** {@return the elements as a new list} */
  static List<Object> list(Object value, Budget budget) {
    List<Object> items = new ArrayList<>();
    for (Iterator<Object> i = iterate(value); i.hasNext(); ) {
      budget.step();
      items.add(i.next());
    }
    return items;
  }

  /**
   * {@return the elements of what is no string backwards, as Python's {@code reversed} takes them;
   * null if it cannot}
   */
  static List<Object> reversedOrNull(Object value) {
    return switch (value) {
      case Undefined undefined -> List.of();
      case Dict dict -> new DictView(DictView.Kind.KEYS, dict).items().reversed();
      case DictView view -> view.items().reversed();
      default -> {
        List<Object> items = itemsOrNull(value);
        yield items == null ? null : items.reversed();
      }
    };
  }

  /**
   * {@return an element, or null if there is none at {@code index}, which counts back if negative}
   */
  static Object itemOrNull(Object value, BigInteger index) {
    String text = Types.text(value);
    List<Object> items = text == null ? itemsOrNull(value) : null;
    if (text == null && items == null) {
      return null;
    }
    int size = text == null ? items.size() : CodePoints.length(text);
    BigInteger at = index.signum() < 0 ? index.add(BigInteger.valueOf(size)) : index;
    if (at.signum() < 0 || at.compareTo(BigInteger.valueOf(size)) >= 0) {
      return null;
    }
    if (text == null) {
      return items.get(at.intValueExact());
    }
    return like(value, CodePoints.at(text, at.intValueExact()));
  }

  /** {@return a string that is safe if {@code value} is} */
  static Object like(Object value, String text) {
    return value instanceof Markup ? new Markup(text) : text;
  }

  /** {@return {@code value[start:stop:step]}} */
  static Object slice(Object value, Object start, Object stop, Object step, Budget budget) {
    String text = Types.text(value);
    List<Object> items = text == null ? itemsOrNull(value) : List.of();
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    if (items == null) {
      throw new Fault("a value of type '%s' cannot be sliced".formatted(Types.name(value)));
    }
    int size = text == null ? items.size() : CodePoints.length(text);
    Bounds bounds = Bounds.of(start, stop, step, size);
    budget.steps(bounds.count());
    if (text != null) {
      return like(value, bounds.of(text));
    }
    if (value instanceof Range range) {
      return bounds.of(range);
    }
    List<Object> chosen = bounds.of(items);
    return value instanceof Tuple ? Tuple.of(chosen) : chosen;
  }
}
