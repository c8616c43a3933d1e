package dev.rap.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Floating-point numbers as Python writes and reads them. */
final class Floats {
  // Python leaves the exponent out from 1e-4 to below 1e16.
  private static final int LEAST_EXPONENT = -4;
  private static final int MOST_EXPONENT = 16;

  private Floats() {}

  /** {@return the shortest text that reads as {@code number}} */
  static String repr(double number) {
    if (Double.isNaN(number)) {
      return "nan";
    }
    if (Double.isInfinite(number)) {
      return number > 0 ? "inf" : "-inf";
    }
    String sign = number < 0 || 1 / number < 0 ? "-" : "";
    if (number == 0) {
      return sign + "0.0";
    }
    BigDecimal shortest = shortest(Math.abs(number));
    String digits = shortest.unscaledValue().toString();
    return sign + layout(digits, digits.length() - 1 - shortest.scale());
  }

  // Java writes two digits at least, where one may do.
  private static BigDecimal shortest(double number) {
    BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    if (decimal.precision() == 2) {
      BigDecimal one = new BigDecimal(number).round(new MathContext(1, RoundingMode.HALF_EVEN));
      if (one.doubleValue() == number) {
        return one.stripTrailingZeros();
      }
    }
    return decimal;
  }

  private static String layout(String digits, int exponent) {
    if (exponent < LEAST_EXPONENT || exponent >= MOST_EXPONENT) {
      String mantissa =
          digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
      return mantissa + exponent(exponent);
    }
    if (exponent < 0) {
      return "0." + "0".repeat(-exponent - 1) + digits;
    }
    int whole = exponent + 1;
    return digits.length() <= whole
        ? digits + "0".repeat(whole - digits.length()) + ".0"
        : digits.substring(0, whole) + "." + digits.substring(whole);
  }

  static String exponent(int exponent) {
    return "e%s%02d".formatted(exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  /**
   * {@return the number that a text is}
   *
   * @throws Fault if it is none
   */
  static double parse(String text) {
    String number = CodePoints.strip(text, true, true, CodePoints::isSpace);
    String plain = digits(number).toLowerCase(java.util.Locale.ROOT);
    String unsigned = plain.startsWith("-") || plain.startsWith("+") ? plain.substring(1) : plain;
    if (unsigned.equals("inf") || unsigned.equals("infinity")) {
      return plain.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
    if (unsigned.equals("nan")) {
      return Double.NaN;
    }
    if (!isDecimal(unsigned)) {
      throw new Fault("could not convert string to float: " + Text.shown(text));
    }
    return Double.parseDouble(plain.replace("_", ""));
  }

  /** {@return {@code text} with its decimal digits, of whatever script, in ASCII} */
  static String digits(String text) {
    StringBuilder plain = new StringBuilder();
    text.codePoints()
        .map(c -> Character.isDigit(c) ? '0' + Character.digit(c, 10) : c)
        .forEach(plain::appendCodePoint);
    return plain.toString();
  }

  private static boolean isDecimal(String text) {
    int exponent = text.indexOf('e');
    String mantissa = exponent < 0 ? text : text.substring(0, exponent);
    if (exponent >= 0) {
      String power = text.substring(exponent + 1);
      boolean signed = power.startsWith("-") || power.startsWith("+");
      if (!isDigits(signed ? power.substring(1) : power)) {
        return false;
      }
    }
    int dot = mantissa.indexOf('.');
    if (dot < 0) {
      return isDigits(mantissa);
    }
    String whole = mantissa.substring(0, dot);
    String fraction = mantissa.substring(dot + 1);
    return mantissa.length() > 1
        && (whole.isEmpty() || isDigits(whole))
        && (fraction.isEmpty() || isDigits(fraction));
  }

  /** {@return whether this is digits, with single underscores between them at most} */
  static boolean isDigits(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean between = i > 0 && i < text.length() - 1 && text.charAt(i - 1) != '_';
      if (!(c >= '0' && c <= '9') && !(c == '_' && between)) {
        return false;
      }
    }
    return !text.isEmpty();
  }
}
