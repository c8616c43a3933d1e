package dev.rap.kernels.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import dev.rap.kernels.Buffers;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.kernels.KvLayer;
import dev.rap.kernels.Ranges;
import dev.rap.kernels.RopePairing;
import dev.rap.kernels.TokenBatch;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The oracle against numbers worked out by hand. */
class ReferenceKernelsTest {
  private static final float NAN = Float.NaN;
  private static final float LN3 = (float) Math.log(3);

  private final Buffers buffers = new Buffers(Arena.ofAuto());
  private final Kernels kernels = CpuKernels.reference();

  private float[] embedded(Tensor table, int... tokens) {
    MemorySegment y = buffers.floats(new float[tokens.length * table.columns()]);
    kernels.embed(y, table, buffers.ints(tokens), tokens.length);
    return Buffers.read(y);
  }

  @Test
  void embeddingGathersRowsInTheOrderOfTheTokens() {
    Tensor table = buffers.matrix(3, 2, 1, 2, 3, 4, 5, 6);
    assertArrayEquals(new float[] {5, 6, 1, 2, 5, 6}, embedded(table, 2, 0, 2));
  }

  @Test
  void halfTypesAreReadByTheirBits() {
    // 1.5 = sign 0, exponent 15 of f16 and 127 of bf16, fraction one half.
    Tensor f16 = new Tensor(DType.F16, 1, 2, buffers.bytes(0x00, 0x3e, 0x00, 0xc0));
    Tensor bf16 = new Tensor(DType.BF16, 1, 2, buffers.bytes(0xc0, 0x3f, 0x00, 0xc0));
    assertArrayEquals(new float[] {1.5f, -2}, embedded(f16, 0));
    assertArrayEquals(new float[] {1.5f, -2}, embedded(bf16, 0));
  }

  @Test
  void q8BlocksAreAScaleTimesSignedBytes() {
    int[] block = new int[34];
    block[1] = 0x38; // f16 0.5
    block[2] = 100;
    block[3] = -128;
    block[33] = -1;
    float[] row = embedded(new Tensor(DType.Q8_0, 1, 32, buffers.bytes(block)), 0);
    assertEquals(50, row[0]);
    assertEquals(-64, row[1]);
    assertEquals(0, row[2]);
    assertEquals(-0.5f, row[31]);
  }

  @Test
  void q4BlocksKeepElementsSixteenApartInOneByte() {
    int[] block = new int[18];
    block[1] = 0x40; // f16 2
    block[2] = 0xf3; // element 0: nibble 3, element 16: nibble 15
    block[17] = 0x08; // element 15: nibble 8, element 31: nibble 0
    float[] row = embedded(new Tensor(DType.Q4_0, 1, 32, buffers.bytes(block)), 0);
    assertEquals(2 * (3 - 8), row[0]);
    assertEquals(2 * (15 - 8), row[16]);
    assertEquals(0, row[15]);
    assertEquals(2 * (0 - 8), row[31]);
  }

  @Test
  void q4WithMinimumAddsItToEveryElement() {
    int[] block = new int[20];
    block[1] = 0x40; // f16 2
    block[3] = 0xbc; // f16 -1
    block[4] = 0xf3;
    float[] row = embedded(new Tensor(DType.Q4_1, 1, 32, buffers.bytes(block)), 0);
    assertEquals(5, row[0]);
    assertEquals(29, row[16]);
    assertEquals(-1, row[1]);
  }

  @Test
  void rmsNormDividesByTheRootMeanSquare() {
    // Mean square of (1, 7) is 25; of (3, 1) it is 5, with eps 4 it is 9.
    MemorySegment x = buffers.floats(1, 7);
    kernels.rmsNorm(x, x, 2, 1, buffers.matrix(1, 2, 10, 5), 0, Ranges.all(2), false);
    assertArrayEquals(new float[] {2, 7}, Buffers.read(x), 1e-6f);

    MemorySegment y = buffers.floats(NAN, NAN);
    Tensor weight = buffers.matrix(1, 2, 1, 3);
    kernels.rmsNorm(y, buffers.floats(3, 1), 2, 1, weight, 4, Ranges.all(2), false);
    assertArrayEquals(new float[] {1, 1}, Buffers.read(y), 1e-6f);
  }

  @Test
  void rmsNormOfHeadsTakesEachByItselfAndMayAdd() {
    // Two tokens of three heads of 2, of which the middle one is dropped.
    MemorySegment x = buffers.floats(1, 7, NAN, NAN, 7, 1, 3, 3, NAN, NAN, -5, 5);
    MemorySegment y = buffers.floats(1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6);
    Tensor weight = buffers.matrix(1, 2, 10, 5);
    kernels.rmsNorm(y, x, 6, 2, weight, 0, Ranges.of(0, 2, 4, 6), true);
    assertArrayEquals(new float[] {3, 8, 2, 2, 17, 4, 14, 9, 5, 5, -4, 11}, Buffers.read(y), 1e-5f);
  }

  @Test
  void scaleMultipliesAndSoftCapBoundsByTheHyperbolicTangent() {
    MemorySegment x = buffers.floats(-1, 2, 0, 5);
    kernels.scale(x, 2, 2, 3);
    assertArrayEquals(new float[] {-3, 6, 0, 15}, Buffers.read(x));
    // tanh(ln 3 / 2) = (3 - 1) / (3 + 1).
    MemorySegment y = buffers.floats(5 * LN3, 0, -5 * LN3, 1e9f);
    kernels.softCap(y, 1, 4, 10);
    assertArrayEquals(new float[] {5, 0, -5, 10}, Buffers.read(y), 1e-5f);
  }

  @Test
  void multiplyAddsGoOn() {
    MemorySegment x = buffers.floats(8, 0);
    kernels.multiplyAdds(x, 2, 0.5f, 1, 3);
    assertArrayEquals(new float[] {2.75f, 1.75f}, Buffers.read(x)); // 8 5 3.5 2.75, 0 1 1.5 1.75
  }

  @Test
  void matmulTouchesOnlyTheGivenRowsAndColumns() {
    // Column 1 is dropped, in the activations and in the weights; row 1 is not computed.
    Tensor w = buffers.matrix(3, 3, 1, NAN, 2, NAN, NAN, NAN, 3, NAN, 4);
    MemorySegment x = buffers.floats(10, NAN, 1, 0, 20, NAN, 2, 0);
    MemorySegment y = buffers.floats(-1, -1, -1, -1, -1, -1);
    Ranges ends = Ranges.of(0, 1, 2, 3);
    kernels.matmul(y, 3, x, 4, 2, w, ends, ends, false);
    assertArrayEquals(new float[] {12, -1, 34, 24, -1, 68}, Buffers.read(y));
    kernels.matmul(y, 3, x, 4, 2, w, ends, ends, true);
    assertArrayEquals(new float[] {24, -1, 68, 48, -1, 136}, Buffers.read(y));
  }

  @Test
  void productWithNoColumnsIsZero() {
    MemorySegment y = buffers.floats(7);
    Ranges none = Ranges.of();
    kernels.matmul(y, 1, buffers.floats(1), 1, 1, buffers.matrix(1, 1, 1), none, none, false);
    assertArrayEquals(new float[] {7}, Buffers.read(y));
    kernels.matmul(
        y, 1, buffers.floats(1), 1, 1, buffers.matrix(1, 1, 1), Ranges.all(1), none, false);
    assertArrayEquals(new float[] {0}, Buffers.read(y));
  }

  @Test
  void gateIsSiluOfItsProduct() {
    // silu(ln 3) = ln 3 * 3 / 4, as exp(-ln 3) = 1 / 3.
    MemorySegment y = buffers.floats(NAN, -1);
    kernels.gatedMatmul(
        y,
        2,
        buffers.floats(LN3, 8),
        2,
        1,
        buffers.matrix(2, 2, 1, 0, NAN, NAN),
        buffers.matrix(2, 2, 0, 0.5f, NAN, NAN),
        MemorySegment.NULL,
        MemorySegment.NULL,
        Activation.SILU,
        Ranges.all(1));
    assertArrayEquals(new float[] {3 * LN3, -1}, Buffers.read(y), 1e-6f);
  }

  @Test
  void gateMayBeGeluOfItsProduct() {
    // tanh(sqrt(2 / pi) (1 + 0.044715)) = 0.682384; of 2 (1 + 0.17886) it is 0.954598.
    MemorySegment y = buffers.floats(NAN, NAN, NAN);
    kernels.gatedMatmul(
        y,
        3,
        buffers.floats(1),
        1,
        1,
        buffers.matrix(3, 1, 1, -1, 2),
        buffers.matrix(3, 1, 2, 2, 3),
        MemorySegment.NULL,
        MemorySegment.NULL,
        Activation.GELU_TANH,
        Ranges.all(3));
    assertArrayEquals(new float[] {1.682384f, -0.317616f, 5.863793f}, Buffers.read(y), 2e-5f);
  }

  @Test
  void biasesAreAddedBeforeTheGate() {
    MemorySegment y = buffers.floats(-1, NAN);
    kernels.gatedMatmul(
        y,
        2,
        buffers.floats(1),
        1,
        1,
        buffers.matrix(2, 1, NAN, 1),
        buffers.matrix(2, 1, NAN, 0.5f),
        buffers.floats(NAN, LN3 - 1),
        buffers.floats(NAN, 3.5f),
        Activation.SILU,
        Ranges.of(1, 2));
    assertArrayEquals(new float[] {-1, 3 * LN3}, Buffers.read(y), 1e-6f);
  }

  @Test
  void rowIsAddedToEveryTokenWithinTheColumns() {
    MemorySegment y = buffers.floats(1, 2, 3, 4, 5, 6);
    kernels.addRow(y, 3, 2, buffers.floats(NAN, 10, 20), Ranges.of(1, 3));
    assertArrayEquals(new float[] {1, 12, 23, 4, 15, 26}, Buffers.read(y));
  }

  @Test
  void quarterTurnsSwapTheElementsOfAPair() {
    // Head 0 is outside of the columns. Angles: 90 degrees for pair 0, none for pair 1.
    float[] heads = {9, 9, 9, 9, 1, 2, 3, 4};
    MemorySegment turn = buffers.floats(0, 1, 1, 0);
    MemorySegment halves = buffers.floats(heads);
    kernels.rope(halves, 8, 1, turn, 4, 4, RopePairing.HALVES, Ranges.of(4, 8));
    assertArrayEquals(new float[] {9, 9, 9, 9, -3, 2, 1, 4}, Buffers.read(halves));
    MemorySegment interleaved = buffers.floats(heads);
    kernels.rope(interleaved, 8, 1, turn, 4, 4, RopePairing.INTERLEAVED, Ranges.of(4, 8));
    assertArrayEquals(new float[] {9, 9, 9, 9, -2, 1, 3, 4}, Buffers.read(interleaved));
  }

  @Test
  void elementsBeyondTheRotaryOnesStay() {
    float[] heads = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    MemorySegment turn = buffers.floats(0, 1, 1, 0);
    MemorySegment halves = buffers.floats(heads);
    kernels.rope(halves, 12, 1, turn, 4, 6, RopePairing.HALVES, Ranges.of(0, 12));
    assertArrayEquals(new float[] {-3, 2, 1, 4, 5, 6, -9, 8, 7, 10, 11, 12}, Buffers.read(halves));
    MemorySegment interleaved = buffers.floats(heads);
    kernels.rope(interleaved, 12, 1, turn, 4, 6, RopePairing.INTERLEAVED, Ranges.of(0, 12));
    assertArrayEquals(
        new float[] {-2, 1, 3, 4, 5, 6, -8, 7, 9, 10, 11, 12}, Buffers.read(interleaved));
  }

  @Test
  void attentionWeighsCachedValuesBySoftmaxOfScores() {
    // One head of size 4 in each of two groups; the scores are q . k / 2. KvBlocks of two tokens,
    // in the order 1, 0, so positions 0, 1, 2 lie in slots 2, 3, 0.
    KvLayer cache =
        new KvLayer(buffers.halves(new float[32]), buffers.halves(new float[32]), 16, 4);
    TokenBatch batch =
        new TokenBatch(
            3,
            1,
            buffers.ints(0, 1, 2),
            buffers.ints(0, 0, 0),
            buffers.ints(2, 3, 0),
            buffers.ints(1, 0),
            2,
            2);
    float two = 2 * LN3;
    MemorySegment k =
        buffers.floats(1, 0, 0, 0, 9, 9, 9, 9, 0, 1, 0, 0, 9, 9, 9, 9, 0, 0, 1, 0, 9, 9, 9, 9);
    MemorySegment v =
        buffers.floats(8, 0, 0, 1, 9, 9, 9, 9, 0, 8, 0, 1, 9, 9, 9, 9, 0, 0, 8, 1, 9, 9, 9, 9);
    kernels.storeKv(cache, k, v, 8, batch, Ranges.all(1));
    assertEquals(0, cache.keys().get(ValueLayout.JAVA_SHORT, 32), "group 1 is not stored");

    MemorySegment q =
        buffers.floats(5, 5, 5, 5, 9, 9, 9, 9, two, 0, 0, 0, 9, 9, 9, 9, 0, 0, two, 0, 9, 9, 9, 9);
    MemorySegment y = buffers.floats(new float[24]);
    AttentionRule plain = AttentionRule.plain(4);
    kernels.attention(y, q, 8, 1, plain, cache, batch, buffers.bytes(1, 0), Ranges.all(2));
    // Weights: 1; 3/4, 1/4; 1/5, 1/5, 3/5. Group 1 is absent and yields zeros.
    assertArrayEquals(
        new float[] {
          8, 0, 0, 1, 0, 0, 0, 0, 6, 2, 0, 1, 0, 0, 0, 0, 1.6f, 1.6f, 4.8f, 1, 0, 0, 0, 0
        },
        Buffers.read(y),
        1e-5f);

    // Two positions are seen: 1; 3/4, 1/4; 1/4, 3/4.
    AttentionRule windowed = new AttentionRule(0.5f, 0, 2);
    kernels.attention(y, q, 8, 1, windowed, cache, batch, buffers.bytes(1, 0), Ranges.all(1));
    assertArrayEquals(new float[] {0, 2, 6, 1}, Arrays.copyOfRange(Buffers.read(y), 16, 20), 1e-5f);

    // 2 ln 3 is capped at ln 9 * tanh(ln 3 / ln 9) = 1.015375: e^1.015375 = 2.760399 of 3.760399.
    AttentionRule capped = new AttentionRule(0.5f, 2 * LN3, 2);
    kernels.attention(y, q, 8, 1, capped, cache, batch, buffers.bytes(1, 0), Ranges.all(1));
    assertArrayEquals(
        new float[] {0, 2.127434f, 5.872566f, 1},
        Arrays.copyOfRange(Buffers.read(y), 16, 20),
        1e-4f);
  }

  @Test
  void logProbsAreLogitsLessTheLogOfTheSumOfExponentials() {
    MemorySegment y = buffers.doubles(3);
    MemorySegment logits = buffers.floats(0, LN3, 0, LN3, 1000, -1000);
    kernels.logProbs(y, logits, 3, 2, buffers.ints(1, 0, 0));
    assertEquals(Math.log(0.75), y.getAtIndex(ValueLayout.JAVA_DOUBLE, 0), 1e-7);
    assertEquals(Math.log(0.25), y.getAtIndex(ValueLayout.JAVA_DOUBLE, 1), 1e-7);
    assertEquals(0, y.getAtIndex(ValueLayout.JAVA_DOUBLE, 2));
  }
}
