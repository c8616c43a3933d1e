package dev.rap.tokenizer;

import java.util.Arrays;

/**
 * A queue of longs that are not negative, smallest first: a radix heap.
 *
 * <p>A value waits in the bucket of the highest digit in which it differs from the last one taken,
 * and of its own digit there. It moves to that of a lower digit when its turn comes near: at most
 * {@value #DIGITS} times, however many wait, and in the order of memory. What comes too late to be
 * taken in order waits in a heap, which stays small.
 *
 * @see <a href="https://doi.org/10.1145/77600.77615">Ahuja, Mehlhorn, Orlin and Tarjan 1990</a>
 */
final class LongQueue {
  private static final int BITS = 6; // of a digit, of which a long has one for each bit
  private static final int DIGITS = 11;

  private final long[][] buckets = new long[DIGITS << BITS][];
  private final int[] counts = new int[DIGITS << BITS];
  private final long[] filled = new long[DIGITS]; // a bit for each bucket that is not empty
  private int filledDigits; // a bit for each digit that has such buckets
  private long last; // the least that may be in a bucket
  private final LongHeap late = new LongHeap(); // below last

  LongQueue() {
    Arrays.fill(buckets, new long[0]);
  }

  boolean isEmpty() {
    return filledDigits == 0 && late.isEmpty();
  }

  void push(long value) {
    if (value < last) {
      late.push(value);
    } else {
      put(value);
    }
  }

  private void put(long value) {
    int digit = (63 - Long.numberOfLeadingZeros(value ^ last)) / BITS;
    int of = (int) (value >>> (digit * BITS)) & 63;
    int bucket = (digit << BITS) | of;
    int count = counts[bucket]++;
    if (count == buckets[bucket].length) {
      buckets[bucket] = Arrays.copyOf(buckets[bucket], Math.max(4, count * 2));
    }
    buckets[bucket][count] = value;
    filled[digit] |= 1L << of;
    filledDigits |= 1 << digit;
  }

  /** Removes and returns the smallest; the queue must not be empty. */
  long pop() {
    if (!late.isEmpty()) {
      return late.pop();
    }
    int digit = Integer.numberOfTrailingZeros(filledDigits);
    int bucket = (digit << BITS) | Long.numberOfTrailingZeros(filled[digit]);
    if (digit > 0) {
      spread(bucket);
      bucket = Long.numberOfTrailingZeros(filled[0]);
    }
    last = buckets[bucket][--counts[bucket]];
    if (counts[bucket] == 0) {
      clear(bucket);
    }
    long smallest = last;
    if (filledDigits == 0) {
      last = 0; // nothing is late for an empty queue
    }
    return smallest;
  }

  // The smallest value becomes the last one, and all of its bucket go to those of lower digits.
  private void spread(int bucket) {
    long[] values = buckets[bucket];
    int count = counts[bucket];
    counts[bucket] = 0;
    clear(bucket);
    last = values[0];
    for (int i = 1; i < count; i++) {
      last = Math.min(last, values[i]);
    }
    for (int i = 0; i < count; i++) {
      put(values[i]);
    }
  }

  private void clear(int bucket) {
    int digit = bucket >> BITS;
    filled[digit] &= ~(1L << bucket);
    if (filled[digit] == 0) {
      filledDigits &= ~(1 << digit);
    }
  }
}
