package dev.rap.template;

import java.util.Set;

/** What stands behind a dot or in brackets. */
final class Attributes {
  // Methods that would change a value: a template sees that there is something, and may not have
  // it.
  private static final Set<String> CHANGING =
      Set.of(
          "append",
          "clear",
          "extend",
          "insert",
          "pop",
          "popitem",
          "remove",
          "reverse",
          "setdefault",
          "sort",
          "update");

  private Attributes() {}

  /** {@return {@code target.name}: an attribute, else an item} */
  static Object attribute(Object target, String name, Budget budget) {
    Object value = ownOrNull(target, name, budget);
    if (value == null && target instanceof Dict dict) {
      value = dict.get(name, budget);
    }
    return value == null ? missing(target, Text.shown(name)) : value;
  }

  /** {@return {@code target[index]}: an item, else an attribute} */
  static Object item(Object target, Object index, Budget budget) {
    Object value = null;
    if (target instanceof Dict dict) {
      boolean hashable =
          !(index instanceof Dict
              || index instanceof java.util.List<?>
              || index instanceof DictView);
      value = hashable ? dict.get(index, budget) : null;
    } else if (Types.integer(index) != null) {
      value = Sequences.itemOrNull(target, Types.integer(index));
    }
    String name = Types.text(index);
    if (value == null && name != null) {
      value = ownOrNull(target, name, budget);
    }
    return value == null ? missing(target, Text.repr(index, budget)) : value;
  }

  private static Undefined missing(Object target, String name) {
    if (target instanceof Undefined undefined) {
      throw undefined.fault();
    }
    return new Undefined("a value of type '%s' has no %s".formatted(Types.name(target), name));
  }

  /** {@return an attribute that is no item, or null; one that may not be had is undefined} */
  static Object ownOrNull(Object target, String name, Budget budget) {
    boolean changes =
        CHANGING.contains(name)
            && (target instanceof java.util.List<?> || target instanceof Dict)
            && !(target instanceof Dict
                && Set.of("append", "extend", "insert", "remove", "reverse", "sort").contains(name))
            && !(target instanceof java.util.List<?>
                && Set.of("popitem", "setdefault", "update").contains(name));
    if (changes) {
      return new Undefined("'%s' would change a value".formatted(name));
    }
    return switch (target) {
      case String text -> StringMethods.methodOrNull(text, name, budget);
      case Markup markup -> StringMethods.safeMethodOrNull(markup, name, budget);
      case Dict dict -> Methods.ofDictOrNull(dict, name, budget);
      case Namespace namespace -> namespace.attributes().get(name, budget);
      case Loop loop -> loop.attributeOrNull(name);
      case Cycler cycler -> cycler.attributeOrNull(name);
      case Macro macro -> Methods.ofMacroOrNull(macro, name);
      case Tuple tuple when tuple.names().contains(name) ->
          tuple.items().get(tuple.names().indexOf(name));
      default -> Methods.ofOthersOrNull(target, name, budget);
    };
  }
}
