package dev.rap.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Disjoint, ascending, non-adjacent half-open ranges of indices: the rows or columns that take part
 * in an operation. All others are neither read nor written.
 *
 * <p>Immutable. Lives in native memory, so that kernels read it in place.
 */
public final class Ranges {
  private final int[] bounds; // start, end, start, end, ...
  private final int total;
  private final MemorySegment segment;

  private Ranges(int[] bounds) {
    this.bounds = bounds;
    int sum = 0;
    for (int i = 0; i < bounds.length; i += 2) {
      sum += bounds[i + 1] - bounds[i];
    }
    this.total = sum;
    // One int more, so that no ranges at all still have an address.
    this.segment = Arena.ofAuto().allocate(4L * (bounds.length + 1), 64);
    MemorySegment.copy(bounds, 0, segment, ValueLayout.JAVA_INT, 0, bounds.length);
  }

  /** {@return the one range {@code [0, end)}} */
  public static Ranges all(int end) {
    return of(0, end);
  }

  /**
   * {@return ranges of the given bounds, adjacent ones merged and empty ones left out}
   *
   * @param bounds start, end, start, end, ... ascending
   */
  public static Ranges of(int... bounds) {
    if (bounds.length % 2 != 0) {
      throw new IllegalArgumentException("bounds must come in pairs, were " + bounds.length);
    }
    int[] merged = new int[bounds.length];
    int used = 0;
    int last = 0;
    for (int i = 0; i < bounds.length; i += 2) {
      int start = bounds[i];
      int end = bounds[i + 1];
      if (start < last || end < start) {
        throw new IllegalArgumentException(
            "bounds must ascend from 0, were " + Arrays.toString(bounds));
      }
      last = end;
      if (start == end) {
        continue;
      }
      if (used > 0 && merged[used - 1] == start) {
        merged[used - 1] = end;
      } else {
        merged[used++] = start;
        merged[used++] = end;
      }
    }
    return new Ranges(Arrays.copyOf(merged, used));
  }

  /** {@return the runs of {@code indices}} */
  public static Ranges of(BitSet indices) {
    int[] bounds = new int[2 * indices.cardinality()];
    int used = 0;
    for (int start = indices.nextSetBit(0);
        start >= 0;
        start = indices.nextSetBit(bounds[used - 1])) {
      bounds[used++] = start;
      bounds[used++] = indices.nextClearBit(start);
    }
    return of(Arrays.copyOf(bounds, used));
  }

  /** {@return these ranges with every bound multiplied by {@code factor}} */
  public Ranges times(int factor) {
    return new Ranges(Arrays.stream(bounds).map(b -> Math.multiplyExact(b, factor)).toArray());
  }

  /** {@return these ranges with every bound moved outwards to a multiple of {@code block}} */
  public Ranges covering(int block) {
    int[] moved = new int[bounds.length];
    for (int i = 0; i < bounds.length; i += 2) {
      int start = bounds[i] / block * block;
      moved[i] = i > 0 ? Math.max(start, moved[i - 1]) : start;
      moved[i + 1] = Math.ceilDiv(bounds[i + 1], block) * block;
    }
    return of(moved);
  }

  /**
   * {@return where these indices are if those of {@code others} lie side by side}
   *
   * @param others a superset
   */
  public Ranges within(Ranges others) {
    int[] moved = new int[bounds.length];
    int before = 0; // indices of others before the one that holds this range
    int other = 0;
    for (int i = 0; i < bounds.length; i += 2) {
      while (others.end(other) <= bounds[i]) {
        before += others.end(other) - others.start(other);
        other++;
      }
      moved[i] = before + bounds[i] - others.start(other);
      moved[i + 1] = before + bounds[i + 1] - others.start(other);
    }
    return of(moved);
  }

  /** {@return how many ranges there are} */
  public int count() {
    return bounds.length / 2;
  }

  /** {@return how many indices lie in all ranges together} */
  public int total() {
    return total;
  }

  public int start(int range) {
    return bounds[2 * range];
  }

  public int end(int range) {
    return bounds[2 * range + 1];
  }

  /** {@return int32 pairs of start and end, {@code [count, 2]}} */
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Ranges that && Arrays.equals(bounds, that.bounds);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bounds);
  }

  @Override
  public String toString() {
    return Arrays.toString(bounds);
  }
}
