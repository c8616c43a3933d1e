package dev.rap.template;

import java.math.BigInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What stands behind the colon of a field of {@code str.format}.
 *
 * @see <a href="https://docs.python.org/3/library/string.html#format-specification-mini-language">
 *     its documentation</a>
 */
final class FormatSpec {
  private static final Pattern SPEC =
      Pattern.compile(
          "(?s)(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\\d{1,6})?([,_])?(?:\\.(\\d{1,6}))?([a-zA-Z%])?");

  private final String fill;
  private final String align; // "" if not given
  private final String sign;
  private final boolean alternate;
  private final int width;
  private final String grouping;
  private final int precision; // -1 if not given
  private final char type; // a space if not given
  private final Budget budget;

  private FormatSpec(Matcher spec, Budget budget) {
    boolean zero = spec.group(6) != null;
    align = spec.group(2) != null ? spec.group(2) : zero ? "=" : "";
    fill =
        spec.group(1) != null
            ? spec.group(1)
            : zero && spec.group(2) == null ? "0" : zero ? "0" : " ";
    sign = spec.group(3) == null ? "-" : spec.group(3);
    alternate = spec.group(5) != null;
    width = spec.group(7) == null ? 0 : Integer.parseInt(spec.group(7));
    grouping = spec.group(8) == null ? "" : spec.group(8);
    precision = spec.group(9) == null ? -1 : Integer.parseInt(spec.group(9));
    type = spec.group(10) == null ? ' ' : spec.group(10).charAt(0);
    this.budget = budget;
  }

  static String apply(Object value, String spec, Budget budget) {
    if (spec.isEmpty()) {
      String text = Text.of(value, budget);
      budget.characters(text.length());
      return text;
    }
    Matcher matcher = SPEC.matcher(spec);
    if (!matcher.matches()) {
      throw new Fault("%s is no format".formatted(Text.shown(spec)));
    }
    return new FormatSpec(matcher, budget).formatted(value);
  }

  private String formatted(Object value) {
    boolean plainBool = value instanceof Boolean && type == ' ';
    BigInteger integer = Types.integer(value);
    if (integer != null && "eEfFgG%".indexOf(type) >= 0) {
      return real(Arithmetic.asDouble(value));
    }
    if (integer != null) {
      return integer(plainBool ? Types.integer(value) : integer);
    }
    if (value instanceof Double number) {
      return real(number);
    }
    String text = Types.text(value);
    if (text == null
        || (type != ' ' && type != 's')
        || align.equals("=")
        || !grouping.isEmpty()
        || !sign.equals("-")
        || alternate) {
      throw new Fault("this format does not fit a value of type '%s'".formatted(Types.name(value)));
    }
    int length = CodePoints.length(text);
    return padded(
        "",
        precision >= 0 && precision < length ? CodePoints.slice(text, 0, precision) : text,
        "<");
  }

  private String integer(BigInteger number) {
    if (precision >= 0 || " bcdnoxX".indexOf(type) < 0) {
      throw new Fault("this format does not fit an integer");
    }
    if (type == 'c') {
      return padded("", PercentFormat.character(number), "<");
    }
    char base = type == ' ' ? 'd' : type;
    String digits = NumberFormat.ofInteger(number, base, false);
    if (grouping.equals(",") && base != 'd') {
      throw new Fault("this format cannot be grouped by commas");
    }
    String prefix = alternate && base != 'd' && base != 'n' ? "0" + base : "";
    return padded(signOf(number.signum() < 0) + prefix, grouped(digits, base == 'd' ? 3 : 4), ">");
  }

  private String real(double number) {
    boolean negative = number < 0 || (number == 0 && 1 / number < 0);
    double size = Math.abs(number);
    String digits =
        switch (type) {
          case ' ' -> precision < 0 ? Floats.repr(size) : shortened(size);
          case '%' ->
              NumberFormat.ofDouble(size * 100, 'f', precision < 0 ? 6 : precision, alternate)
                  + "%";
          case 'n' -> NumberFormat.ofDouble(size, 'g', precision < 0 ? 6 : precision, alternate);
          case 'e', 'E', 'f', 'F', 'g', 'G' ->
              NumberFormat.ofDouble(size, type, precision < 0 ? 6 : precision, alternate);
          default -> throw new Fault("this format does not fit a float");
        };
    return padded(signOf(negative), grouped(digits, 3), ">");
  }

  // Like g, but with a digit behind the point, and an exponent one digit earlier.
  private String shortened(double size) {
    String text = NumberFormat.ofDouble(size, 'g', precision, alternate);
    boolean whole = text.chars().allMatch(c -> c >= '0' && c <= '9');
    int most = Math.max(1, precision);
    if (whole && text.length() >= most) {
      String exact = NumberFormat.ofDouble(size, 'e', most - 1, alternate);
      int e = exact.indexOf('e');
      String mantissa = exact.substring(0, e);
      return (mantissa.contains(".") ? mantissa.replaceFirst("\\.?0*$", "") : mantissa)
          + exact.substring(e);
    }
    return whole ? text + ".0" : text;
  }

  private String signOf(boolean negative) {
    return negative ? "-" : sign.equals("-") ? "" : sign;
  }

  private String grouped(String digits, int size) {
    if (grouping.isEmpty()) {
      return digits;
    }
    int whole = 0;
    while (whole < digits.length()
        && Character.digit(digits.charAt(whole), 16) >= 0
        && (size == 4 || Character.isDigit(digits.charAt(whole)))) {
      whole++;
    }
    StringBuilder out = new StringBuilder(digits);
    for (int i = whole - size; i > 0; i -= size) {
      out.insert(i, grouping);
    }
    return out.toString();
  }

  private String padded(String sign, String text, String standard) {
    int gap = Math.max(0, width - sign.length() - CodePoints.length(text));
    budget.characters((long) gap * fill.length() + text.length());
    return switch (align.isEmpty() ? standard : align) {
      case "<" -> sign + text + fill.repeat(gap);
      case "^" -> fill.repeat(gap / 2) + sign + text + fill.repeat(gap - gap / 2);
      case "=" -> {
        if (fill.equals("0") && !grouping.isEmpty() && gap > 0) {
          throw new Fault("zeros and grouping together are not supported");
        }
        yield sign + fill.repeat(gap) + text;
      }
      default -> fill.repeat(gap) + sign + text;
    };
  }
}
