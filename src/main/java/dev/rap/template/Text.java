package dev.rap.template;

import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;
import java.util.Map.Entry;

/** Values as text: Python's {@code str} and {@code repr}. */
final class Text {
  private static final int MOST_DIGITS = 4300; // Python refuses to write and read more
  private static final int MOST_BITS = MOST_DIGITS * 10 / 3; // of more, the digits are more, too

  private final StringBuilder out = new StringBuilder();
  private final Budget budget;

  private Text(Budget budget) {
    this.budget = budget;
  }

  /** {@return {@code value} as it is printed} */
  static String of(Object value, Budget budget) {
    return switch (value) {
      case String text -> text;
      case Markup markup -> markup.text();
      case Undefined undefined -> "";
      case BigInteger number -> ofInteger(number);
      default -> repr(value, budget);
    };
  }

  /** {@return {@code value} as it is written inside a list} */
  static String repr(Object value, Budget budget) {
    Text text = new Text(budget);
    text.append(value);
    return text.out.toString();
  }

  static String ofInteger(BigInteger number) {
    String text = number.bitLength() > MOST_BITS ? "" : number.toString();
    if (text.isEmpty() || text.length() - (number.signum() < 0 ? 1 : 0) > MOST_DIGITS) {
      throw new Fault("an integer of more than %d digits cannot be written".formatted(MOST_DIGITS));
    }
    return text;
  }

  /** {@return the integer of decimal digits} */
  static BigInteger toInteger(String digits) {
    if (digits.length() > MOST_DIGITS) {
      throw new Fault("an integer of more than %d digits cannot be read".formatted(MOST_DIGITS));
    }
    return new BigInteger(digits);
  }

  private void append(Object value) {
    budget.step();
    budget.enter();
    switch (value) {
      case None none -> add("None");
      case Boolean flag -> add(flag ? "True" : "False");
      case BigInteger number -> add(ofInteger(number));
      case Double number -> add(Floats.repr(number));
      case String text -> add(quote(text));
      case Markup markup -> add("Markup(" + quote(markup.text()) + ")");
      case Undefined undefined -> add("Undefined");
      case List<?> list -> all("[", list, "]");
      case Tuple tuple -> all("(", tuple.items(), tuple.items().size() == 1 ? ",)" : ")");
      case Dict dict -> dict(dict);
      case DictView view -> all(view.kind().typeName() + "([", view.items(), "])");
      case Range range -> add(range.toString());
      case Loop loop -> add(loop.toString());
      case Macro macro -> add("<Macro " + quote(macro.name()) + ">");
      case Namespace namespace -> {
        add("<Namespace ");
        dict(namespace.attributes());
        add(">");
      }
      default ->
          throw new Fault(
              "a %s has no text: call it, or make a list of it".formatted(Types.name(value)));
    }
    budget.leave();
  }

  private void add(String text) {
    budget.characters(text.length());
    out.append(text);
  }

  private void all(String start, List<?> items, String end) {
    add(start);
    for (Iterator<?> i = items.iterator(); i.hasNext(); ) {
      append(i.next());
      add(i.hasNext() ? ", " : "");
    }
    add(end);
  }

  private void dict(Dict dict) {
    add("{");
    for (Iterator<Entry<Object, Object>> i = dict.entries().iterator(); i.hasNext(); ) {
      Entry<Object, Object> entry = i.next();
      append(entry.getKey());
      add(": ");
      append(entry.getValue());
      add(i.hasNext() ? ", " : "");
    }
    add("}");
  }

  /** {@return the same for a message, of which {@link TemplateException} shows the beginning} */
  static String shown(String text) {
    return quote(text.substring(0, Math.min(text.length(), TemplateException.LONGEST)));
  }

  /** {@return a string as Python writes it in its source} */
  static String quote(String text) {
    char mark = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(mark);
    text.codePoints().forEach(c -> escape(c, mark, out));
    return out.append(mark).toString();
  }

  private static void escape(int c, char mark, StringBuilder out) {
    switch (c) {
      case '\\' -> out.append("\\\\");
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      default -> {
        if (c == mark) {
          out.append('\\').append(mark);
        } else if (CodePoints.isPrintable(c)) {
          out.appendCodePoint(c);
        } else {
          out.append(numbered(c));
        }
      }
    }
  }

  /** {@return the escape that names a character by its number} */
  static String numbered(int c) {
    return (c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c);
  }
}
