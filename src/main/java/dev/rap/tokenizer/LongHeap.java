package dev.rap.tokenizer;

import java.util.Arrays;

/** A binary heap of longs, smallest first. */
final class LongHeap {
  private long[] values = new long[64];
  private int count;

  boolean isEmpty() {
    return count == 0;
  }

  void push(long value) {
    if (count == values.length) {
      values = Arrays.copyOf(values, count + (count >> 1));
    }
    int at = count++;
    while (at > 0 && values[(at - 1) / 2] > value) {
      values[at] = values[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    values[at] = value;
  }

  /** Removes and returns the smallest; the heap must not be empty. */
  long pop() {
    long smallest = values[0];
    long value = values[--count];
    int at = 0;
    for (int child = 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && values[child + 1] < values[child]) {
        child++;
      }
      if (values[child] >= value) {
        break;
      }
      values[at] = values[child];
      at = child;
    }
    values[at] = value;
    return smallest;
  }
}
