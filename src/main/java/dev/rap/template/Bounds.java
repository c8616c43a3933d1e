package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a slice begins and how it goes on.
 *
 * @param count how many elements it has
 */
record Bounds(int start, int step, int count) {

  /** {@return those of {@code [start:stop:step]} on {@code size} elements; None is left out} */
  static Bounds of(Object start, Object stop, Object step, int size) {
    BigInteger by = step == None.NONE ? BigInteger.ONE : integer(step);
    if (by.signum() == 0) {
      throw new Fault("the step of a slice must not be zero");
    }
    boolean back = by.signum() < 0;
    int first = start == None.NONE ? (back ? size - 1 : 0) : clamp(integer(start), size, back);
    int end = stop == None.NONE ? (back ? -1 : size) : clamp(integer(stop), size, back);
    int span = back ? first - end : end - first;
    int stride = by.abs().min(BigInteger.valueOf(Integer.MAX_VALUE)).intValueExact();
    int count = span <= 0 ? 0 : (span - 1) / stride + 1;
    return new Bounds(first, back ? -stride : stride, count);
  }

  private static BigInteger integer(Object value) {
    BigInteger number = Types.integer(value);
    if (number == null) {
      throw new Fault("a slice needs integers, not '%s'".formatted(Types.name(value)));
    }
    return number;
  }

  private static int clamp(BigInteger index, int size, boolean back) {
    BigInteger at = index.signum() < 0 ? index.add(BigInteger.valueOf(size)) : index;
    BigInteger least = BigInteger.valueOf(back ? -1 : 0);
    BigInteger most = BigInteger.valueOf(back ? size - 1 : size);
    return at.max(least).min(most).intValueExact();
  }

  List<Object> of(List<Object> items) {
    List<Object> chosen = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      chosen.add(items.get(start + i * step));
    }
    return chosen;
  }

  String of(String text) {
    if (step == 1) {
      return count == 0 ? "" : CodePoints.slice(text, start, start + count);
    }
    StringBuilder chosen = new StringBuilder();
    int at = count == 0 ? 0 : text.offsetByCodePoints(0, start);
    for (int i = 0; i < count; i++) {
      at = i == 0 ? at : text.offsetByCodePoints(at, step);
      chosen.appendCodePoint(text.codePointAt(at));
    }
    return chosen.toString();
  }

  Range of(Range range) {
    BigInteger first = range.start().add(range.step().multiply(BigInteger.valueOf(start)));
    BigInteger by = range.step().multiply(BigInteger.valueOf(step));
    return new Range(first, first.add(by.multiply(BigInteger.valueOf(count))), by);
  }
}
