package dev.rap.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;

/** Filters that make numbers. */
final class NumberFilters {
  static final Map<String, Filters.Filter> ALL =
      Map.of(
          "abs", NumberFilters::abs,
          "int", NumberFilters::integer,
          "float", NumberFilters::real,
          "round", NumberFilters::round,
          "filesizeformat", NumberFilters::fileSize);

  private static final int MOST_DIGITS = 4300;

  private NumberFilters() {}

  private static Object abs(Filters filters, Arguments arguments) {
    Object value = arguments.positionalOnly("abs", 1, 1).getFirst();
    if (value instanceof Double number) {
      return Math.abs(number);
    }
    return Parameters.integerOf(value).abs();
  }

  private static Object integer(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("int", arguments, "value", "default=", "base=");
    Object value = given.get(0);
    Object otherwise = given.get(1, BigInteger.ZERO);
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    if (value instanceof Double number) {
      return number.isNaN() ? otherwise : PercentFormat.whole(number);
    }
    if (Types.integer(value) != null) {
      return Types.integer(value);
    }
    String text = Types.text(value);
    return text == null ? otherwise : parsed(text, given.integer(2, 10), otherwise);
  }

  private static Object parsed(String text, int base, Object otherwise) {
    try {
      return parsed(text, base);
    } catch (Fault e) {
      try {
        double number = Floats.parse(text);
        return Double.isNaN(number) || Double.isInfinite(number)
            ? otherwise
            : PercentFormat.whole(number);
      } catch (Fault f) {
        return otherwise;
      }
    }
  }

  private static BigInteger parsed(String text, int base) {
    String digits = Floats.digits(CodePoints.strip(text, true, true, CodePoints::isSpace));
    boolean signed = digits.startsWith("-") || digits.startsWith("+");
    String size = (signed ? digits.substring(1) : digits).toLowerCase(java.util.Locale.ROOT);
    int radix = base;
    for (Map.Entry<String, Integer> prefix : Map.of("0b", 2, "0o", 8, "0x", 16).entrySet()) {
      if (size.startsWith(prefix.getKey()) && (base == 0 || base == prefix.getValue())) {
        radix = prefix.getValue();
        size = size.substring(2);
        size = size.startsWith("_") ? size.substring(1) : size;
      }
    }
    radix = radix == 0 ? 10 : radix;
    boolean wellFormed =
        !size.isEmpty() && !size.startsWith("_") && !size.endsWith("_") && !size.contains("__");
    if (!wellFormed
        || radix < 2
        || radix > Character.MAX_RADIX
        || size.length() > MOST_DIGITS
        || size.startsWith("-")
        || size.startsWith("+")) {
      throw new Fault("no integer");
    }
    try {
      BigInteger number = new BigInteger(size.replace("_", ""), radix);
      return digits.startsWith("-") ? number.negate() : number;
    } catch (NumberFormatException e) {
      throw new Fault("no integer");
    }
  }

  private static Object real(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("float", arguments, "value", "default=");
    Object value = given.get(0);
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    if (Equality.isNumber(value)) {
      return Arithmetic.asDouble(value);
    }
    try {
      return Types.text(value) == null ? given.get(1, 0.0) : Floats.parse(Types.text(value));
    } catch (Fault e) {
      return given.get(1, 0.0);
    }
  }

  private static Object round(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("round", arguments, "value", "precision=", "method=");
    String method = Text.of(given.get(2, "common"), filters.budget());
    return switch (method) {
      case "common" ->
          rounded(
              given.get(0),
              given.hasSome(1) ? given.integer(1) : 0,
              !given.has(1) || given.hasSome(1));
      case "ceil", "floor" -> towards(method, given, filters.budget());
      default -> throw new Fault("the method of round is common, ceil or floor");
    };
  }

  private static Object rounded(Object value, int precision, boolean keepsType) {
    if (value instanceof Double number) {
      if (!keepsType) {
        return PercentFormat.whole(Math.rint(number));
      }
      boolean exact = number.isNaN() || number.isInfinite() || precision > 323;
      return exact
          ? number
          : Math.copySign(
              new BigDecimal(number)
                  .setScale(Math.max(precision, -400), RoundingMode.HALF_EVEN)
                  .doubleValue(),
              number);
    }
    BigInteger integer = Parameters.integerOf(value);
    return precision >= 0
        ? integer
        : new BigDecimal(integer)
            .setScale(Math.max(precision, -10_000), RoundingMode.HALF_EVEN)
            .toBigInteger();
  }

  private static Object towards(String method, Parameters given, Budget budget) {
    Object scale =
        Arithmetic.apply(
            Arithmetic.Operator.POWER, BigInteger.TEN, given.get(1, BigInteger.ZERO), budget);
    Object scaled = Arithmetic.apply(Arithmetic.Operator.MULTIPLY, given.get(0), scale, budget);
    BigInteger whole;
    if (scaled instanceof Double number) {
      whole = PercentFormat.whole(method.equals("ceil") ? Math.ceil(number) : Math.floor(number));
    } else {
      whole = Parameters.integerOf(scaled);
    }
    return Arithmetic.apply(Arithmetic.Operator.DIVIDE, whole, scale, budget);
  }

  private static Object fileSize(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("filesizeformat", arguments, "value", "binary=");
    boolean binary = given.flag(1, false);
    Object value = given.get(0);
    double bytes =
        Equality.isNumber(value) ? Arithmetic.asDouble(value) : Floats.parse(given.text(0));
    double base = binary ? 1024 : 1000;
    if (bytes == 1) {
      return "1 Byte";
    }
    if (bytes < base) {
      return PercentFormat.whole(bytes) + " Bytes";
    }
    String units = binary ? "KMGTPEZY" : "kMGTPEZY";
    double unit = base;
    int i = 0;
    do {
      unit *= base;
    } while (bytes >= unit && ++i < units.length() - 1);
    double size = base * bytes / unit;
    return "%s %c%s"
        .formatted(
            NumberFormat.ofDouble(size, 'f', 1, false), units.charAt(i), binary ? "iB" : "B");
  }
}
