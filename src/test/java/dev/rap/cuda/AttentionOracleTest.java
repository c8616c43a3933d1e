package dev.rap.cuda;

import static java.lang.foreign.MemorySegment.NULL;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rap.cuda.AttentionOracle.Kv;
import dev.rap.cuda.AttentionOracle.Tables;
import dev.rap.cuda.CudaKernels.Heads;
import dev.rap.kernels.Buffers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The oracle against numbers worked out by hand. Heads have four elements, so that scores are
 * halved, and blocks two slots: of each group two keys, then two values. Where keys are zeros all
 * positions weigh the same. What may not be read is NaN.
 */
class AttentionOracleTest {
  private static final float NAN = Float.NaN;
  private static final Heads ONE = new Heads(1, 1, 4);

  private final Arena arena = Arena.ofConfined();
  private final Buffers buffers = new Buffers(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  private MemorySegment elements(Element type, float... values) {
    MemorySegment segment = arena.allocate((long) Element.BYTES * values.length, 64);
    Elements.put(type, segment, values);
    return segment;
  }

  private MemorySegment filled(Element type, int count, float value) {
    float[] values = new float[count];
    Arrays.fill(values, value);
    return elements(type, values);
  }

  /** A row of four equal elements for each value. */
  private MemorySegment rows(Element type, float... values) {
    float[] rows = new float[4 * values.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = values[i / 4];
    }
    return elements(type, rows);
  }

  private Tables tables(int stride, MemorySegment present, int... entries) {
    return new Tables(buffers.ints(entries), stride, present);
  }

  // Scores are 2 ln 3 / 2 and 0: weights of 3/4 and 1/4, of the values (4, 0, 8, 0) and
  // (0, 8, 8, 4).
  @ParameterizedTest
  @EnumSource
  void weightsAreTheSoftmaxOfHalvedProducts(Element type) {
    float score = (float) (2 * Math.log(3));
    MemorySegment kv = elements(type, 0, 1, 0, 0, 0, 0, 5, 0, 4, 0, 8, 0, 0, 8, 8, 4);
    MemorySegment qkv = elements(type, 2, score, 0, -7, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN);
    MemorySegment y = filled(type, 4, NAN);
    AttentionOracle.attentionOne(
        type,
        y,
        4,
        qkv,
        12,
        ONE,
        new Kv(kv, 2),
        buffers.ints(1),
        tables(1, buffers.bytes(1), 0),
        1,
        NULL);
    float bound = type == Element.F16 ? 2e-3f : 2e-2f;
    assertArrayEquals(new float[] {3, 2, 8, 1}, Elements.get(type, y), bound);
  }

  // Positions 0 to 3 of sequence 1 are in blocks 2 and 0, and its token sees three of them; padding
  // and a group that a sequence lacks are zeros.
  @ParameterizedTest
  @EnumSource
  void positionsAreFoundByTheTableOfTheirSequence(Element type) {
    Heads heads = new Heads(2, 1, 4);
    MemorySegment kv =
        rows(
            type, 0, 0, 3, NAN, 0, 0, 30, NAN, 0, 0, NAN, NAN, 0, 0, NAN, NAN, 0, 0, 6, 9, 0, 0, 60,
            90);
    MemorySegment y = filled(type, 3 * 8, NAN);
    AttentionOracle.attentionOne(
        type,
        y,
        8,
        filled(type, 3 * 24, 1),
        24,
        heads,
        new Kv(kv, 2),
        buffers.ints(-1, 2, 0),
        tables(2, buffers.bytes(1, 1, 1, 1, 1, 0), 9, 9, 2, 0, 2, 9),
        3,
        NULL);
    float[] expected = Elements.get(type, rows(type, 0, 0, 6, 60, 6, 0));
    assertArrayEquals(expected, Elements.get(type, y));
  }

  // Two tiles of one sequence in 3 rows of y, the later first; the token at position p sees p + 1
  // values.
  @ParameterizedTest
  @EnumSource
  void tokensOfTilesSeeWhatIsBeforeThem(Element type) {
    MemorySegment kv = rows(type, 0, 0, 2, 4, 0, 0, 9, 5, NAN, NAN, NAN, NAN);
    MemorySegment y = filled(type, 3 * 6, 1);
    AttentionOracle.attentionMany(
        type,
        y,
        6,
        filled(type, 3 * 12, 1),
        12,
        ONE,
        new Kv(kv, 2),
        buffers.ints(0, 2, 1, 3, 0, 0, 2, 1),
        2,
        tables(2, buffers.bytes(1), 0, 1),
        NULL);
    float[] expected = {3, 3, 3, 3, 1, 1, 5, 5, 5, 5, 1, 1, 5, 5, 5, 5, 1, 1};
    assertArrayEquals(expected, Elements.get(type, y));
  }

  // Of three groups only the second is retained: it alone is in block 1. Its heads share its
  // values.
  @ParameterizedTest
  @EnumSource
  void groupsThatAreNotRetainedAreLeftAlone(Element type) {
    MemorySegment kv = rows(type, NAN, NAN, NAN, NAN, 0, NAN, 7, NAN);
    MemorySegment y = filled(type, 24, 1);
    AttentionOracle.attentionMany(
        type,
        y,
        24,
        filled(type, 48, 1),
        48,
        new Heads(3, 2, 4),
        new Kv(kv, 2),
        buffers.ints(0, 0, 1, 0),
        1,
        tables(1, buffers.bytes(1, 1, 1), 1),
        buffers.ints(1, 1));
    float[] expected = Elements.get(type, rows(type, 1, 1, 7, 7, 1, 1));
    assertArrayEquals(expected, Elements.get(type, y));
  }
}
