package dev.rap.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class RangesTest {
  private static final Ranges SOME = Ranges.of(32, 64, 128, 192, 480, 864);

  @Test
  void coveringMovesBoundsOutwardsAndMergesWhatMeets() {
    assertEquals(Ranges.of(0, 1024), SOME.covering(256));
    assertEquals(Ranges.of(0, 256, 512, 768), Ranges.of(0, 1, 3, 5, 513, 768).covering(256));
    assertEquals(SOME, SOME.covering(32));
    assertEquals(Ranges.of(), Ranges.of().covering(256));
  }

  @Test
  void rangesWithinOthersAreWhereTheyLieSideBySide() {
    assertEquals(SOME, SOME.within(Ranges.all(1000)));
    assertEquals(Ranges.all(3), Ranges.of(5, 8).within(Ranges.of(5, 8)));
    // Side by side, 0 ... 255 keep their places and 512 ... 767 follow them.
    Ranges others = Ranges.of(0, 256, 512, 768);
    assertEquals(
        Ranges.of(128, 256 + 32, 384, 512), Ranges.of(128, 256, 512, 544, 640, 768).within(others));
    assertEquals(Ranges.of(), Ranges.of().within(others));
  }
}
