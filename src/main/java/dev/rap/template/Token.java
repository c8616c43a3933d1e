package dev.rap.template;

/**
 * A word of a template.
 *
 * @param value of a literal; else the text
 * @param at where it begins in the source
 */
record Token(Kind kind, Object value, int at) {
  enum Kind {
    DATA,
    PRINT_START,
    PRINT_END,
    TAG_START,
    TAG_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && value.equals(name);
  }

  boolean isOperator(String sign) {
    return kind == Kind.OPERATOR && value.equals(sign);
  }

  /** {@return what a message calls it} */
  String described() {
    return switch (kind) {
      case DATA -> "text";
      case PRINT_START -> "'{{'";
      case PRINT_END -> "'}}'";
      case TAG_START -> "'{%'";
      case TAG_END -> "'%}'";
      case STRING -> "a string";
      case INTEGER, FLOAT -> "a number";
      case NAME, OPERATOR -> "'" + value + "'";
      case END -> "the end of the template";
    };
  }
}
