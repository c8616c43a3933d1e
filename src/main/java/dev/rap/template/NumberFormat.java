package dev.rap.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Numbers in the formats of C's {@code printf}, without sign and width. */
final class NumberFormat {
  static final int MOST_PRECISION = 10_000;

  private NumberFormat() {}

  /**
   * {@return the digits of a number that is not negative}
   *
   * @param type one of {@code e f g} and their capitals
   * @param alternate whether a point is kept and zeros stay
   */
  static String ofDouble(double number, char type, int precision, boolean alternate) {
    if (precision > MOST_PRECISION) {
      throw new Fault("a precision of more than %d is too large".formatted(MOST_PRECISION));
    }
    String text;
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      text = Double.isNaN(number) ? "nan" : "inf";
    } else {
      BigDecimal exact = new BigDecimal(number);
      text =
          switch (Character.toLowerCase(type)) {
            case 'f' -> fixed(exact, precision, alternate);
            case 'e' -> scientific(exact, precision, alternate);
            default -> general(exact, Math.max(1, precision), alternate);
          };
    }
    return Character.isUpperCase(type) ? text.toUpperCase(Locale.ROOT) : text;
  }

  private static String fixed(BigDecimal number, int precision, boolean point) {
    String text = number.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
    return precision == 0 && point ? text + "." : text;
  }

  private static String scientific(BigDecimal number, int precision, boolean point) {
    if (number.signum() == 0) {
      return fixed(BigDecimal.ZERO, precision, point) + "e+00";
    }
    BigDecimal rounded = number.round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
    int exponent = rounded.precision() - 1 - rounded.scale();
    BigDecimal mantissa = rounded.movePointLeft(exponent);
    return fixed(mantissa, precision, point) + Floats.exponent(exponent);
  }

  private static String general(BigDecimal number, int precision, boolean alternate) {
    BigDecimal rounded = number.round(new MathContext(precision, RoundingMode.HALF_EVEN));
    int exponent = number.signum() == 0 ? 0 : rounded.precision() - 1 - rounded.scale();
    boolean plain = exponent >= -4 && exponent < precision;
    String text =
        plain
            ? fixed(number, precision - 1 - exponent, alternate)
            : scientific(number, precision - 1, alternate);
    if (alternate) {
      return text;
    }
    int end = text.indexOf('e') < 0 ? text.length() : text.indexOf('e');
    String mantissa = text.substring(0, end);
    return (mantissa.contains(".") ? mantissa.replaceFirst("\\.?0*$", "") : mantissa)
        + text.substring(end);
  }

  /** {@return the digits of the size of a number in the base that {@code type} names} */
  static String ofInteger(BigInteger number, char type, boolean prefix) {
    String digits =
        switch (type) {
          case 'x', 'X' -> number.abs().toString(16);
          case 'o' -> number.abs().toString(8);
          case 'b' -> number.abs().toString(2);
          default -> Text.ofInteger(number.abs());
        };
    String text = prefix && type != 'd' && type != 'n' ? "0" + type + digits : digits;
    return type == 'X' ? text.toUpperCase(Locale.ROOT) : text;
  }
}
