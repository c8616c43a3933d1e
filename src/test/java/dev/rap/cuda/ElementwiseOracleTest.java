package dev.rap.cuda;

import static java.lang.foreign.MemorySegment.NULL;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.cuda.CudaKernels.Heads;
import dev.rap.kernels.Buffers;
import dev.rap.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The oracle against numbers worked out by hand. */
class ElementwiseOracleTest {
  private static final Element TYPE = Element.F16;

  private final Arena arena = Arena.ofConfined();
  private final Buffers buffers = new Buffers(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  private MemorySegment elements(float... values) {
    return buffers.halves(values);
  }

  private static float[] values(MemorySegment elements) {
    return Elements.get(TYPE, elements);
  }

  @Test
  void embeddingsOfPaddingAreZeros() {
    MemorySegment y = buffers.floats(9, 9, 9, 9, 9, 9);
    MemorySegment table = elements(1, 2, 3, 4, 5, 6);
    ElementwiseOracle.embed(TYPE, y, table, buffers.ints(2, -1, 0), 3, 2);
    assertArrayEquals(new float[] {5, 6, 0, 0, 1, 2}, Buffers.read(y));
  }

  // The mean of 9 + 16 + 0 + 0 is 25 / 4, and its root with 0 or 6 beside it 2.5 or 3.5.
  @Test
  void normsDivideByTheRootOfTheMeanSquareAndEps() {
    MemorySegment x = buffers.floats(1, 1, 1, 1, 3, 4, 0, 0);
    MemorySegment weight = buffers.floats(1, 2, 1, 1);
    MemorySegment y = elements(9, 9, 9, 9);
    ElementwiseOracle.rmsNorm(TYPE, y, x, weight, buffers.ints(1), 1, 4, 0);
    assertArrayEquals(values(elements(1.2f, 3.2f, 0, 0)), values(y));
    ElementwiseOracle.rmsNorm(TYPE, y, x.asSlice(16), weight, NULL, 1, 4, 6);
    assertArrayEquals(values(elements(3 / 3.5f, 8 / 3.5f, 0, 0)), values(y));
  }

  // A quarter turn makes (a, b) to (-b, a); a cosine of 2 shows which pair has which angle.
  @Test
  void queriesAndKeysTurnAndKeysAndValuesGoIntoTheirSlots() {
    MemorySegment qkv = elements(1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 99);
    MemorySegment bias = buffers.floats(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    MemorySegment cosSin = buffers.floats(9, 9, 9, 9, 0, 2, 1, 0);
    MemorySegment kv = elements(new float[16]);
    ElementwiseOracle.ropeStore(
        TYPE,
        qkv,
        13,
        bias,
        1,
        new Heads(1, 1, 4),
        cosSin,
        false,
        buffers.ints(1),
        buffers.ints(1),
        new AttentionOracle.Kv(kv, 2),
        NULL);
    assertArrayEquals(new float[] {-3, 4, 2, 8, 5, 6, 7, 8, 10, 20, 30, 40, 99}, values(qkv));
    assertArrayEquals(
        new float[] {0, 0, 0, 0, -7, 12, 5, 16, 0, 0, 0, 0, 10, 20, 30, 41}, values(kv));
  }

  @Test
  void interleavedNeighboursTurnTogetherAndPaddingAndMaskedGroupsStay() {
    // Two groups of one query head; three tokens: one whole, one padding, one without a slot.
    float[] row = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    MemorySegment qkv = arena.allocate(72, 64);
    for (int i = 0; i < 36; i++) {
      Elements.put(TYPE, qkv, i, row[i % 12]);
    }
    MemorySegment kv = elements(new float[8]);
    ElementwiseOracle.ropeStore(
        TYPE,
        qkv,
        12,
        NULL,
        3,
        new Heads(2, 1, 2),
        buffers.floats(0, 1),
        true,
        buffers.ints(0, -1, 0),
        buffers.ints(1, 0, -1),
        new AttentionOracle.Kv(kv, 1),
        buffers.ints(1, 1, 0));
    assertArrayEquals(
        new float[] {
          1, 2, 3, 4, 5, 6, -8, 7, 9, 10, 11, 12, //
          1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, //
          1, 2, 3, 4, 5, 6, -8, 7, 9, 10, 11, 12
        },
        values(qkv));
    // Blocks of one slot, in which only group 1 has a place.
    assertArrayEquals(new float[] {0, 0, 0, 0, -10, 9, 11, 12}, values(kv));
  }

  // silu(0) = 0; silu(ln 3) = ln 3 * 3 / 4; 60000 * 2 is beyond F16.
  @Test
  void gatesOfRetainedChannelsAreActivated() {
    float ln3 = (float) Math.log(3);
    MemorySegment gate = arena.allocate(2 * 40, 64);
    MemorySegment up = arena.allocate(2 * 40, 64);
    float[] gates = {0, ln3, 60000};
    for (int c = 0; c < 40; c++) {
      Elements.put(TYPE, gate, c, gates[c % 3]);
      Elements.put(TYPE, up, c, 2);
    }
    ElementwiseOracle.swiglu(TYPE, gate, up, NULL, NULL, 40, 1, 36, buffers.ints(2, 0, 2), 16);
    float activated = 1.5f * Elements.get(TYPE, elements(ln3), 0);
    assertEquals(0, Elements.get(TYPE, gate, 0));
    assertEquals(activated, Elements.get(TYPE, gate, 1), 1e-3f);
    assertEquals(65504, Elements.get(TYPE, gate, 2));
    assertEquals(Elements.get(TYPE, elements(ln3), 0), Elements.get(TYPE, gate, 16));
    assertEquals(activated, Elements.get(TYPE, gate, 34), 1e-3f);
    assertEquals(Elements.get(TYPE, elements(ln3), 0), Elements.get(TYPE, gate, 37));
  }

  // silu(ln 3) = ln 3 * 3 / 4, of 1 and its bias, times 0.5 and its bias.
  @Test
  void biasesAreAddedBeforeTheGate() {
    float ln3 = (float) Math.log(3);
    MemorySegment gate = elements(1, 1, 9);
    MemorySegment up = elements(0.5f, 0.5f, 9);
    MemorySegment gateBias = buffers.floats(9, ln3 - 1);
    MemorySegment upBias = buffers.floats(9, 3.5f);
    ElementwiseOracle.swiglu(TYPE, gate, up, gateBias, upBias, 3, 1, 2, NULL, 16);
    assertEquals(3 * ln3, Elements.get(TYPE, gate, 1), 2e-3f);
    assertEquals(9, Elements.get(TYPE, gate, 2));
  }

  @Test
  void rowsAreAddedToEveryToken() {
    MemorySegment y = buffers.floats(1, 2, 3, 4);
    ElementwiseOracle.addRow(y, buffers.floats(10, 20), 2, 2);
    assertArrayEquals(new float[] {11, 22, 13, 24}, Buffers.read(y));
  }

  @Test
  void columnsAddUpToWhatIsThere() {
    MemorySegment sums = arena.allocateFrom(ValueLayout.JAVA_DOUBLE, 100, 200, 300);
    ElementwiseOracle.columnSums(TYPE, sums, elements(1, 2, 9, 3, 4, 9), 3, 2, 2);
    assertArrayEquals(new double[] {104, 206, 300}, sums.toArray(ValueLayout.JAVA_DOUBLE));
  }

  @Test
  void theFirstOfTheGreatestCountsAndNanDoesNot() {
    MemorySegment y = buffers.ints(9, 9, 9);
    float nan = Float.NaN;
    float least = Float.NEGATIVE_INFINITY;
    MemorySegment logits = buffers.floats(1, 3, 3, nan, nan, 2, nan, least, nan, -0f, -5, 0);
    ElementwiseOracle.argmax(y, logits, 3, 4);
    assertArrayEquals(new int[] {1, 1, 1}, y.toArray(ValueLayout.JAVA_INT));
  }

  @Test
  void logProbabilitiesAreLogarithmsOfShares() {
    MemorySegment y = arena.allocate(24, 8);
    float ln3 = (float) Math.log(3);
    MemorySegment logits = buffers.floats(ln3, 0, 1000, 1000, 0, 0);
    ElementwiseOracle.logProbs(y, logits, 3, 2, buffers.ints(0, 1, 2));
    assertEquals(Math.log(0.75), y.getAtIndex(ValueLayout.JAVA_DOUBLE, 0), 1e-7);
    assertEquals(Math.log(0.5), y.getAtIndex(ValueLayout.JAVA_DOUBLE, 1), 1e-7);
    assertEquals(Double.NaN, y.getAtIndex(ValueLayout.JAVA_DOUBLE, 2));
  }

  @Test
  void blocksAreCopied() {
    MemorySegment x = elements(1, 2, 3, 4, 5, 6, 7, 8);
    ElementwiseOracle.copyBlocks(x, 4, buffers.ints(0, 2, 3, 1), 2);
    assertArrayEquals(new float[] {1, 2, 7, 8, 1, 2, 7, 8}, values(x));
  }

  // Two blocks of three groups: their last and their first, and one that was not there.
  @Test
  void groupsArePickedByTheirRanks() {
    MemorySegment x = elements(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    MemorySegment y = elements(new float[12]);
    ElementwiseOracle.pickGroups(y, 3, x, 3, buffers.ints(2, -1, 0), 2, 1, 1);
    assertArrayEquals(new float[] {5, 6, 0, 0, 1, 2, 11, 12, 0, 0, 7, 8}, values(y));
  }

  // Rows 1 and 2 of runs of 2 that lie 3 apart: rows 1 and 3.
  @Test
  void storedRowsGoWhereTheirRunsLie() {
    MemorySegment y = elements(new float[8]);
    MemorySegment x = buffers.floats(1, 2, 3, 4);
    ElementwiseOracle.convert(TYPE, y, 2, 2, 3, x, DType.F32, 1, 2, 2, false);
    assertArrayEquals(new float[] {0, 0, 1, 2, 0, 0, 3, 4}, values(y));
  }

  // Stored row 1, of columns 0 to 2: column 1 of rows 0, 1 and 3.
  @Test
  void storedRowsBecomeColumnsWhereTransposed() {
    MemorySegment y = elements(new float[8]);
    MemorySegment x = buffers.floats(1, 2, 3);
    ElementwiseOracle.convert(TYPE, y, 2, 2, 3, x, DType.F32, 1, 1, 3, true);
    assertArrayEquals(new float[] {0, 1, 0, 2, 0, 0, 0, 3}, values(y));
  }

  @Test
  void blocksOfEveryTypeHaveTheirValues() {
    MemorySegment data = arena.allocate(34, 2);
    data.set(ValueLayout.JAVA_SHORT, 0, Float.floatToFloat16(0.5f));
    data.set(ValueLayout.JAVA_SHORT, 2, Float.floatToFloat16(-3));
    data.set(ValueLayout.JAVA_BYTE, 5, (byte) 0xf2);
    assertEquals(0.5 * (byte) 0xf2, StoredRows.value(DType.Q8_0, data, 0, 3));
    assertEquals(0.5 * (2 - 8), StoredRows.value(DType.Q4_0, data, 0, 3));
    assertEquals(0.5 * (15 - 8), StoredRows.value(DType.Q4_0, data, 0, 19));
    assertEquals(0.5 * 2 - 3, StoredRows.value(DType.Q4_1, data, 0, 1));
    assertEquals(0.5 * 15 - 3, StoredRows.value(DType.Q4_1, data, 0, 17));
    assertEquals(-3, StoredRows.value(DType.F16, data, 0, 1));
    assertEquals(Float.intBitsToFloat(0x38000000), StoredRows.value(DType.BF16, data, 0, 0));
  }
}
