package dev.rap.template;

import java.math.BigInteger;
import java.util.List;

/** Python's names of types, for messages. */
final class Types {
  private Types() {}

  static String name(Object value) {
    return switch (value) {
      case None none -> "NoneType";
      case Boolean flag -> "bool";
      case BigInteger number -> "int";
      case Double number -> "float";
      case String text -> "str";
      case Markup markup -> "Markup";
      case List<?> list -> "list";
      case Tuple tuple -> "tuple";
      case Dict dict -> "dict";
      case DictView view -> view.kind().typeName();
      case Range range -> "range";
      case Lazy lazy -> lazy.typeName();
      case Namespace namespace -> "namespace";
      case Loop loop -> "loop";
      case Undefined undefined -> "undefined";
      case Cycler cycler -> "cycler";
      case Macro macro -> "macro";
      default -> "function";
    };
  }

  /** {@return the text of a string of either kind, or null} */
  static String text(Object value) {
    return switch (value) {
      case String text -> text;
      case Markup markup -> markup.text();
      default -> null;
    };
  }

  /** {@return an int or bool as an integer, or null} */
  static BigInteger integer(Object value) {
    return switch (value) {
      case BigInteger number -> number;
      case Boolean flag -> flag ? BigInteger.ONE : BigInteger.ZERO;
      default -> null;
    };
  }
}
