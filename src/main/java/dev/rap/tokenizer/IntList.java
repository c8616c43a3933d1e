package dev.rap.tokenizer;

import java.util.Arrays;

/** Ints in a row that grows. */
final class IntList {
  private int[] values = new int[64];
  private int count;

  void add(int value) {
    if (count == values.length) {
      values = Arrays.copyOf(values, Math.multiplyExact(count, 2));
    }
    values[count++] = value;
  }

  void addAll(int[] more) {
    for (int value : more) {
      add(value);
    }
  }

  int count() {
    return count;
  }

  /** {@return a copy of the values from {@code start} to the last} */
  int[] from(int start) {
    return Arrays.copyOfRange(values, start, count);
  }
}
