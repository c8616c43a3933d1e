package dev.rap.regex;

import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** A set of code points: a bitmap below U+10000, a predicate above. Immutable. */
final class CharSet {
  private static final int PLANE = 0x10000;

  static final CharSet ALL = new CharSet(c -> true);

  private final long[] plane = new long[PLANE / 64];
  private final IntPredicate members;

  CharSet(IntPredicate members) {
    this.members = members;
    for (int c = 0; c < PLANE; c++) {
      if (members.test(c)) {
        plane[c >> 6] |= 1L << c;
      }
    }
  }

  /** {@return the set of a few code points} */
  static CharSet of(int... codePoints) {
    return new CharSet(codePoints);
  }

  private CharSet(int[] codePoints) {
    members = c -> IntStream.of(codePoints).anyMatch(member -> member == c);
    for (int c : codePoints) {
      if (c < PLANE) {
        plane[c >> 6] |= 1L << c;
      }
    }
  }

  private CharSet(CharSet a, CharSet b) {
    members = a.members.or(b.members);
    for (int i = 0; i < plane.length; i++) {
      plane[i] = a.plane[i] | b.plane[i];
    }
  }

  boolean contains(int codePoint) {
    return codePoint < PLANE
        ? (plane[codePoint >> 6] & (1L << codePoint)) != 0
        : members.test(codePoint);
  }

  CharSet or(CharSet other) {
    return this == ALL || other == ALL ? ALL : new CharSet(this, other);
  }
}
