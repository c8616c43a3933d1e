package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class MergeTableTest {
  private static final int COUNT = 1 << 18;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L; // of Fibonacci hashing
  private static final int IDS = (1 << 22) - 1;

  // What multiplies the low half of GOLDEN to 1, by Newton's method: each step doubles the bits.
  private static int inverse() {
    int factor = (int) GOLDEN;
    int inverse = factor;
    for (int bits = 3; bits < Integer.SIZE; bits *= 2) {
      inverse *= 2 - factor * inverse;
    }
    return inverse;
  }

  // Under bits 32 and up of pair * GOLDEN all of these would meet in slot 0, and a table that
  // walks from there would take COUNT * COUNT / 2 steps: half a minute.
  @Test
  @Timeout(value = 10, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void pairsMadeToMeetDoNot() {
    MergeTable table = new MergeTable(COUNT);
    int inverse = inverse();
    for (int right = 0; right < COUNT; right++) {
      table.add(left(right, inverse), right, right, right + 1);
    }
    for (int right = 0; right < COUNT; right++) {
      int place = table.find(left(right, inverse), right);
      assertEquals(right, table.rank(place));
      assertEquals(right + 1, table.result(place));
    }
  }

  private static int left(int right, int inverse) {
    int high = (int) ((right * GOLDEN) >>> 32);
    return -high * inverse & IDS;
  }
}
