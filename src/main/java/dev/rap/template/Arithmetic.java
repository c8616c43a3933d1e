package dev.rap.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The arithmetic operators, on numbers and on sequences. */
final class Arithmetic {
  // Twice what Python would write as text.
  private static final int MOST_BITS = 1 << 15;

  /** An operator between two values. */
  enum Operator {
    ADD("+"),
    SUBTRACT("-"),
    MULTIPLY("*"),
    DIVIDE("/"),
    FLOOR_DIVIDE("//"),
    REMAINDER("%"),
    POWER("**");

    private final String sign;

    Operator(String sign) {
      this.sign = sign;
    }
  }

  private Arithmetic() {}

  static Object apply(Operator operator, Object a, Object b, Budget budget) {
    if (operator == Operator.REMAINDER && Types.text(a) != null) {
      return PercentFormat.apply(a, b, budget);
    }
    for (Object side : List.of(a, b)) {
      if (side instanceof Undefined undefined) {
        throw undefined.fault();
      }
    }
    BigInteger left = Types.integer(a);
    BigInteger right = Types.integer(b);
    if (left != null && right != null) {
      return integers(operator, left, right, budget);
    }
    if (Equality.isNumber(a) && Equality.isNumber(b)) {
      return doubles(operator, asDouble(a), asDouble(b));
    }
    Object joined =
        switch (operator) {
          case ADD -> joined(a, b, budget);
          case MULTIPLY -> repeated(a, b, left, right, budget);
          default -> null;
        };
    if (joined == null) {
      throw new Fault(
          "'%s' is not supported between '%s' and '%s'"
              .formatted(operator.sign, Types.name(a), Types.name(b)));
    }
    return joined;
  }

  static Object negated(Object value) {
    BigInteger integer = Types.integer(value);
    return integer != null ? integer.negate() : (Object) (-number("-", value));
  }

  static Object positive(Object value) {
    BigInteger integer = Types.integer(value);
    return integer != null ? integer : (Object) number("+", value);
  }

  private static double number(String sign, Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    if (value instanceof Double number) {
      return number;
    }
    throw new Fault("'%s' is not supported on '%s'".formatted(sign, Types.name(value)));
  }

  static double asDouble(Object number) {
    if (number instanceof Double value) {
      return value;
    }
    double value = Types.integer(number).doubleValue();
    if (Double.isInfinite(value)) {
      throw new Fault("the integer is too large for a float");
    }
    return value;
  }

  private static Object integers(Operator operator, BigInteger a, BigInteger b, Budget budget) {
    budget.steps((a.bitLength() + b.bitLength()) >> 6);
    return switch (operator) {
      case ADD -> checked(a.add(b));
      case SUBTRACT -> checked(a.subtract(b));
      case MULTIPLY -> checked(a.multiply(b));
      case DIVIDE -> quotient(a, nonZero(b));
      case FLOOR_DIVIDE -> floorDivide(a, nonZero(b));
      case REMAINDER -> a.subtract(floorDivide(a, nonZero(b)).multiply(b));
      case POWER -> power(a, b, budget);
    };
  }

  private static BigInteger nonZero(BigInteger b) {
    if (b.signum() == 0) {
      throw new Fault("division by zero");
    }
    return b;
  }

  private static BigInteger checked(BigInteger number) {
    if (number.bitLength() > MOST_BITS) {
      throw new Fault("an integer of more than %d bits is too large".formatted(MOST_BITS));
    }
    return number;
  }

  private static BigInteger floorDivide(BigInteger a, BigInteger b) {
    BigInteger[] both = a.divideAndRemainder(b);
    boolean below = both[1].signum() != 0 && both[1].signum() != b.signum();
    return below ? both[0].subtract(BigInteger.ONE) : both[0];
  }

  // Rounded once: 1100 digits decide between any two doubles, and the sticky one after them.
  private static Double quotient(BigInteger a, BigInteger b) {
    double exactA = a.doubleValue();
    double exactB = b.doubleValue();
    boolean exact = a.bitLength() <= 53 && b.bitLength() <= 53;
    double value =
        exact
            ? exactA / exactB
            : new BigDecimal(a).divide(new BigDecimal(b), new MathContext(1100)).doubleValue();
    if (Double.isInfinite(value)) {
      throw new Fault("the quotient is too large for a float");
    }
    return value;
  }

  private static Object power(BigInteger a, BigInteger b, Budget budget) {
    if (b.signum() < 0) {
      return power(asDouble(a), asDouble(b));
    }
    if (a.abs().bitLength() <= 1) {
      return b.signum() == 0 || a.signum() >= 0
          ? (b.signum() == 0 ? BigInteger.ONE : a)
          : (b.testBit(0) ? a : BigInteger.ONE);
    }
    if (b.bitLength() > Integer.SIZE - 1
        || (long) (a.bitLength() - 1) * b.intValueExact() > MOST_BITS) {
      throw new Fault("an integer of more than %d bits is too large".formatted(MOST_BITS));
    }
    budget.steps(MOST_BITS >> 6);
    return checked(a.pow(b.intValueExact()));
  }

  private static double power(double a, double b) {
    if (a == 0 && b < 0) {
      throw new Fault("0.0 cannot be raised to a negative power");
    }
    if (a == 1 || b == 0) {
      return 1;
    }
    if (a == -1 && Double.isInfinite(b)) {
      return 1;
    }
    if (a < 0 && !Double.isInfinite(a) && !Double.isInfinite(b) && b != Math.rint(b)) {
      throw new Fault(
          "a negative number cannot be raised to a fraction: complex numbers are not supported");
    }
    double value = Math.pow(a, b);
    if (Double.isInfinite(value) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
      throw new Fault("the power is too large for a float");
    }
    return value;
  }

  private static Object doubles(Operator operator, double a, double b) {
    boolean divides =
        operator == Operator.DIVIDE
            || operator == Operator.FLOOR_DIVIDE
            || operator == Operator.REMAINDER;
    if (divides && b == 0) {
      throw new Fault("division by zero");
    }
    return switch (operator) {
      case ADD -> a + b;
      case SUBTRACT -> a - b;
      case MULTIPLY -> a * b;
      case DIVIDE -> a / b;
      case FLOOR_DIVIDE -> floorDivide(a, b);
      case REMAINDER -> remainder(a, b);
      case POWER -> power(a, b);
    };
  }

  private static double remainder(double a, double b) {
    double rest = a % b;
    if (rest == 0) {
      return Math.copySign(0.0, b);
    }
    return (rest < 0) == (b < 0) ? rest : rest + b;
  }

  private static double floorDivide(double a, double b) {
    double rest = a % b;
    double quotient = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
      quotient -= 1;
    }
    if (quotient == 0) {
      return Math.copySign(0.0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  private static Object joined(Object a, Object b, Budget budget) {
    String left = Types.text(a);
    String right = Types.text(b);
    if (left != null && right != null) {
      if (a instanceof Markup || b instanceof Markup) {
        return new Markup(Markup.escape(a, budget) + Markup.escape(b, budget));
      }
      budget.characters((long) left.length() + right.length());
      return left + right;
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      return joined(x, y, budget);
    }
    return a instanceof Tuple x && b instanceof Tuple y
        ? Tuple.of(joined(x.items(), y.items(), budget))
        : null;
  }

  private static List<Object> joined(List<?> a, List<?> b, Budget budget) {
    budget.steps((long) a.size() + b.size());
    List<Object> all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  private static Object repeated(
      Object a, Object b, BigInteger left, BigInteger right, Budget budget) {
    Object sequence = left == null ? a : b;
    BigInteger times = left == null ? right : left;
    if (times == null || sequence instanceof Range) {
      return null;
    }
    if (times.bitLength() >= Long.SIZE) {
      throw new Fault("nothing can be repeated that often");
    }
    int count = times.max(BigInteger.ZERO).min(BigInteger.valueOf(Integer.MAX_VALUE)).intValue();
    String text = Types.text(sequence);
    if (text != null) {
      budget.characters((long) text.length() * count);
      return Sequences.like(sequence, text.isEmpty() ? "" : text.repeat(count));
    }
    List<Object> items = Sequences.itemsOrNull(sequence);
    if (items == null) {
      return null;
    }
    budget.steps((long) items.size() * count);
    List<Object> all = new ArrayList<>();
    for (int i = 0; i < count && !items.isEmpty(); i++) {
      all.addAll(items);
    }
    return sequence instanceof Tuple
        ? Tuple.of(Collections.unmodifiableList(all))
        : Collections.unmodifiableList(all);
  }
}
