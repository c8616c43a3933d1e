package dev.rap.template;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Attributes of attributes, as filters name them: {@code "function.name"}. */
final class Paths {
  private Paths() {}

  /** {@return what takes a value to its attribute; None names the value itself} */
  static UnaryOperator<Object> of(Object path, Budget budget) {
    return of(path, None.NONE, budget);
  }

  /**
   * {@return what takes a value to its attribute}
   *
   * @param otherwise stands for what is undefined, unless it is None
   */
  static UnaryOperator<Object> of(Object path, Object otherwise, Budget budget) {
    List<Object> parts = parts(path, budget);
    return value -> {
      Object at = value;
      for (Object part : parts) {
        budget.step();
        at = Attributes.item(at, part, budget);
        at = at instanceof Undefined && otherwise != None.NONE ? otherwise : at;
      }
      return at;
    };
  }

  /** {@return what takes a value to each of the attributes that are named with commas between} */
  static List<UnaryOperator<Object>> several(Object paths, Budget budget) {
    String text = Types.text(paths);
    if (text == null) {
      return List.of(of(paths, budget));
    }
    budget.steps(text.length());
    List<UnaryOperator<Object>> all = new ArrayList<>();
    for (String path : text.split(",", -1)) {
      all.add(of(path, budget));
    }
    return all;
  }

  private static List<Object> parts(Object path, Budget budget) {
    String text = Types.text(path);
    if (path == None.NONE) {
      return List.of();
    }
    if (text == null) {
      return List.of(path);
    }
    budget.steps(text.length());
    List<Object> parts = new ArrayList<>();
    for (String part : text.split("\\.", -1)) {
      boolean number = !part.isEmpty() && part.chars().allMatch(c -> c >= '0' && c <= '9');
      parts.add(number ? Text.toInteger(part) : part);
    }
    return parts;
  }
}
