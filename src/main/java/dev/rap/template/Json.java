package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map.Entry;

/** Values as JSON: Python's {@code json.dumps}. */
final class Json {
  private final StringBuilder out = new StringBuilder();
  private final Style style;
  private final Budget budget;
  private int level;

  /**
   * How it is written.
   *
   * @param ascii whether other characters are escaped
   * @param indent of each level, null for one line
   * @param itemSeparator behind an element
   * @param keySeparator behind a key
   * @param sorted whether keys are sorted
   */
  record Style(
      boolean ascii, String indent, String itemSeparator, String keySeparator, boolean sorted) {}

  private Json(Style style, Budget budget) {
    this.style = style;
    this.budget = budget;
  }

  static String of(Object value, Style style, Budget budget) {
    Json json = new Json(style, budget);
    json.append(value);
    return json.out.toString();
  }

  private void append(Object value) {
    budget.step();
    budget.enter();
    switch (value) {
      case List<?> list -> array(list);
      case Tuple tuple -> array(tuple.items());
      case Dict dict -> object(dict);
      default -> {
        String text = Types.text(value);
        add(text == null ? scalar(value) : quoted(text));
      }
    }
    budget.leave();
  }

  private static String scalar(Object value) {
    String text = scalarOrNull(value);
    if (text == null) {
      throw new Fault("a value of type '%s' has no JSON form".formatted(Types.name(value)));
    }
    return text;
  }

  private static String scalarOrNull(Object value) {
    return switch (value) {
      case None none -> "null";
      case Boolean flag -> flag ? "true" : "false";
      case BigInteger number -> Text.ofInteger(number);
      case Double number when number.isNaN() -> "NaN";
      case Double number when number.isInfinite() -> number > 0 ? "Infinity" : "-Infinity";
      case Double number -> Floats.repr(number);
      default -> null;
    };
  }

  private void array(List<?> items) {
    if (items.isEmpty()) {
      add("[]");
      return;
    }
    add("[");
    level++;
    for (Iterator<?> i = items.iterator(); i.hasNext(); ) {
      newLine();
      append(i.next());
      add(i.hasNext() ? style.itemSeparator() : "");
    }
    level--;
    newLine();
    add("]");
  }

  private void object(Dict dict) {
    if (dict.size() == 0) {
      add("{}");
      return;
    }
    add("{");
    level++;
    for (Iterator<Entry<Object, Object>> i = entries(dict).iterator(); i.hasNext(); ) {
      Entry<Object, Object> entry = i.next();
      newLine();
      add(key(entry.getKey()));
      add(style.keySeparator());
      append(entry.getValue());
      add(i.hasNext() ? style.itemSeparator() : "");
    }
    level--;
    newLine();
    add("}");
  }

  private List<Entry<Object, Object>> entries(Dict dict) {
    List<Entry<Object, Object>> entries = new ArrayList<>(dict.entries());
    if (style.sorted()) {
      Collections.sort(entries, (a, b) -> Sorting.order(a.getKey(), b.getKey(), budget));
    }
    return entries;
  }

  private String key(Object key) {
    String text = Types.text(key);
    String scalar = text == null ? scalarOrNull(key) : text;
    if (scalar == null) {
      throw new Fault("a value of type '%s' is no key in JSON".formatted(Types.name(key)));
    }
    return quoted(scalar);
  }

  private void newLine() {
    if (style.indent() != null) {
      add("\n");
      budget.characters((long) style.indent().length() * level);
      out.repeat(style.indent(), level);
    }
  }

  private void add(String text) {
    budget.characters(text.length());
    out.append(text);
  }

  private String quoted(String text) {
    StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> quoted.append("\\\"");
        case '\\' -> quoted.append("\\\\");
        case '\n' -> quoted.append("\\n");
        case '\r' -> quoted.append("\\r");
        case '\t' -> quoted.append("\\t");
        case '\f' -> quoted.append("\\f");
        case '\b' -> quoted.append("\\b");
        default -> {
          if (c < ' ' || (style.ascii() && c > '~')) {
            budget.characters(5); // the sixth is counted where it is added
            quoted.append("\\u").append(HexFormat.of().toHexDigits(c));
          } else {
            quoted.append(c);
          }
        }
      }
    }
    return quoted.append('"').toString();
  }
}
