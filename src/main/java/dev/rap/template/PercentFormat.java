package dev.rap.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;

/**
 * Python's {@code %} on strings.
 *
 * @see <a href="https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting">its
 *     documentation</a>
 */
final class PercentFormat {
  private final String format;
  private final Object values;
  private final List<Object> positional;
  private final boolean escapes;
  private final Budget budget;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private int used;
  private boolean named;

  private PercentFormat(Object format, Object values, Budget budget) {
    this.format = Types.text(format);
    this.escapes = format instanceof Markup;
    this.values = values;
    this.positional = values instanceof Tuple tuple ? tuple.items() : List.of(values);
    this.budget = budget;
  }

  static Object apply(Object format, Object values, Budget budget) {
    PercentFormat run = new PercentFormat(format, values, budget);
    run.run();
    return Sequences.like(format, run.out.toString());
  }

  private void run() {
    while (at < format.length()) {
      int percent = format.indexOf('%', at);
      if (percent < 0) {
        out.append(format, at, format.length());
        break;
      }
      out.append(format, at, percent);
      at = percent + 1;
      directive();
    }
    boolean several =
        switch (values) {
          case Dict dict -> false;
          case List<?> list -> false;
          case Range range -> false;
          case Undefined undefined -> false;
          default -> true;
        };
    if (!named && several && used < positional.size()) {
      throw new Fault("not all arguments were converted by the format");
    }
  }

  private char peek() {
    if (at >= format.length()) {
      throw new Fault("the format ends within a directive");
    }
    return format.charAt(at);
  }

  private Object next() {
    if (used >= positional.size()) {
      throw new Fault("there are not enough arguments for the format");
    }
    return positional.get(used++);
  }

  private void directive() {
    Object value = null;
    if (peek() == '(') {
      value = namedValue();
    }
    StringBuilder flags = new StringBuilder();
    while ("#0- +".indexOf(peek()) >= 0) {
      flags.append(format.charAt(at++));
    }
    int width = number(0);
    if (width < 0) {
      flags.append('-');
    }
    int precision = -1;
    if (peek() == '.') {
      at++;
      precision = Math.max(0, number(0));
    }
    if ("hlL".indexOf(peek()) >= 0) {
      at++;
    }
    char type = peek();
    at++;
    if (type == '%') {
      out.append('%');
      return;
    }
    Object given = value == null ? next() : value;
    convert(given, type, flags.toString(), Math.abs(width), precision);
  }

  private Object namedValue() {
    int depth = 1;
    int start = ++at;
    while (depth > 0) {
      depth += peek() == '(' ? 1 : peek() == ')' ? -1 : 0;
      at++;
    }
    if (!(values instanceof Dict dict)) {
      throw new Fault("the format needs a dict");
    }
    named = true;
    Object value = dict.get(format.substring(start, at - 1), budget);
    if (value == null) {
      throw new Fault("the format names a key that is missing");
    }
    return value;
  }

  private int number(int otherwise) {
    if (peek() == '*') {
      at++;
      return Parameters.cut(Parameters.integerOf(next()));
    }
    int start = at;
    while (peek() >= '0' && peek() <= '9') {
      at++;
    }
    return start == at ? otherwise : Parameters.cut(Text.toInteger(format.substring(start, at)));
  }

  private void convert(Object value, char type, String flags, int width, int precision) {
    switch (type) {
      case 's', 'r', 'a', 'c' -> {
        String text = text(value, type);
        int length = CodePoints.length(text);
        String cut =
            precision >= 0 && type != 'c' && precision < length
                ? CodePoints.slice(text, 0, precision)
                : text;
        pad("", cut, flags.replace("0", ""), width);
      }
      case 'd', 'i', 'u', 'x', 'X', 'o' -> integer(value, type, flags, width, precision);
      case 'e', 'E', 'f', 'F', 'g', 'G' -> {
        double number = real(value);
        String digits =
            NumberFormat.ofDouble(
                Math.abs(number), type, precision < 0 ? 6 : precision, flags.contains("#"));
        boolean negative = number < 0 || (number == 0 && 1 / number < 0);
        pad(sign(negative, flags), digits, flags, width);
      }
      default -> throw new Fault("the format has no directive '%%%c'".formatted(type));
    }
  }

  private String text(Object value, char type) {
    return switch (type) {
      case 's' -> escapes ? Markup.escape(value, budget) : Text.of(value, budget);
      case 'r' -> Text.repr(value, budget);
      case 'a' -> ascii(Text.repr(value, budget));
      default -> character(value);
    };
  }

  static String ascii(String text) {
    StringBuilder ascii = new StringBuilder();
    text.codePoints()
        .forEach(c -> ascii.append(c < 0x80 ? Character.toString(c) : Text.numbered(c)));
    return ascii.toString();
  }

  static String character(Object value) {
    String text = Types.text(value);
    if (text != null && CodePoints.length(text) == 1) {
      return text;
    }
    int c = Parameters.cut(Parameters.integerOf(value));
    if (!Character.isValidCodePoint(c)) {
      throw new Fault("%d is no character".formatted(c));
    }
    return Character.toString(c);
  }

  private static double real(Object value) {
    if (!Equality.isNumber(value)) {
      throw value instanceof Undefined undefined
          ? undefined.fault()
          : new Fault("the format needs a number, not '%s'".formatted(Types.name(value)));
    }
    return Arithmetic.asDouble(value);
  }

  private void integer(Object value, char type, String flags, int width, int precision) {
    BigInteger number =
        value instanceof Double decimal && "diu".indexOf(type) >= 0
            ? whole(decimal)
            : Types.integer(value);
    if (number == null) {
      real(value);
      throw new Fault("the format '%%%c' needs an integer".formatted(type));
    }
    char base = "diu".indexOf(type) >= 0 ? 'd' : type;
    String digits = NumberFormat.ofInteger(number, base, false);
    if (precision > digits.length()) {
      budget.characters(precision);
      digits = "0".repeat(precision - digits.length()) + digits;
    }
    String prefix = flags.contains("#") && base != 'd' ? "0" + base : "";
    pad(sign(number.signum() < 0, flags) + prefix, digits, flags, width);
  }

  static BigInteger whole(double number) {
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      throw new Fault("%s is no integer".formatted(Floats.repr(number)));
    }
    return new BigDecimal(number).toBigInteger();
  }

  private static String sign(boolean negative, String flags) {
    return negative ? "-" : flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
  }

  private void pad(String sign, String text, String flags, int width) {
    int gap = Math.max(0, width - sign.length() - CodePoints.length(text));
    budget.characters((long) gap + text.length());
    boolean left = flags.contains("-");
    boolean zeros = flags.contains("0") && !left;
    out.repeat(' ', left || zeros ? 0 : gap).append(sign).repeat('0', zeros ? gap : 0);
    out.append(text).repeat(' ', left ? gap : 0);
  }
}
