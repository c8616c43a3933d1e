package dev.rap.template;

import java.math.BigInteger;
import java.util.AbstractList;
import java.util.List;

/** The integers from {@code start}, by {@code step}, before {@code stop}. */
record Range(BigInteger start, BigInteger stop, BigInteger step) {
  private static final int MOST = 100_000; // as in jinja2

  Range {
    if (step.signum() == 0) {
      throw new Fault("range() arg 3 must not be zero");
    }
  }

  /**
   * {@return the range}
   *
   * @throws Fault if it is longer than a template may have it
   */
  static Range limited(BigInteger start, BigInteger stop, BigInteger step) {
    Range range = new Range(start, stop, step);
    if (range.length().compareTo(BigInteger.valueOf(MOST)) > 0) {
      throw new Fault("range is too big: more than %d items".formatted(MOST));
    }
    return range;
  }

  private BigInteger length() {
    BigInteger span = step.signum() > 0 ? stop.subtract(start) : start.subtract(stop);
    BigInteger size = step.abs();
    return span.signum() <= 0
        ? BigInteger.ZERO
        : span.add(size).subtract(BigInteger.ONE).divide(size);
  }

  /** {@return its integers, made as they are asked for} */
  List<Object> items() {
    int size = length().intValueExact();
    return new AbstractList<>() {
      @Override
      public Object get(int index) {
        return start.add(step.multiply(BigInteger.valueOf(index)));
      }

      @Override
      public int size() {
        return size;
      }
    };
  }

  @Override
  public String toString() {
    return step.equals(BigInteger.ONE)
        ? "range(%d, %d)".formatted(start, stop)
        : "range(%d, %d, %d)".formatted(start, stop, step);
  }
}
