package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.cuda.CudaKernels.Heads;
import dev.rap.cuda.CudaKernels.Kv;
import dev.rap.cuda.CudaKernels.Tables;
import dev.rap.cuda.CudaKernels.Units;
import dev.rap.tensor.DType;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every kernel on the GPU against its oracle, at the edges of its launch geometry. */
@Tag("gpu")
class GpuKernelTest {
  // Of the norm of a result. Elements are rounded by up to half of their last bit, a mean square of
  // 2^-9 / sqrt(3) = 0.0011 of themselves in BF16; in attention the weights are rounded as well.
  private static double rounded(Element type) {
    return type == Element.BF16 ? 0.004 : 0.0005;
  }

  private static final double F32 = 2e-5; // sums of thousands in another order

  private static void compare(double tolerance, Function<KernelBed, double[]> run) {
    double[] found;
    double[] expected;
    try (KernelBed gpu = KernelBed.gpu();
        KernelBed oracle = KernelBed.oracle()) {
      found = run.apply(gpu);
      expected = run.apply(oracle);
    }
    assertEquals(expected.length, found.length);
    // Where the oracle left poison the kernel must have, to the bit; it would drown the norm.
    double poison = Arrays.stream(expected).map(Math::abs).max().orElse(0);
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < found.length; i++) {
      if (poison > 1e4 && Math.abs(expected[i]) == poison) {
        assertEquals(expected[i], found[i], "element " + i + " was to be left alone");
      } else {
        errors += Math.pow(found[i] - expected[i], 2);
        squares += expected[i] * expected[i];
      }
    }
    double error = Math.sqrt(errors / Math.max(squares, 1e-30));
    assertTrue(error <= tolerance, "off by %g of the norm, of %g".formatted(error, tolerance));
  }

  private static Units units(KernelBed bed, int unitRows, int... retained) {
    int[] table = new int[retained.length + 1];
    table[0] = retained.length;
    System.arraycopy(retained, 0, table, 1, retained.length);
    return new Units(bed.ints(table).address(), unitRows);
  }

  @ParameterizedTest(name = "{0} tokens, [{1}, {2}]")
  @CsvSource({
    "1, 48, 64",
    "2, 4112, 576",
    "7, 96, 576",
    "9, 992, 64",
    "17, 64, 320",
    "64, 80, 128"
  })
  void rowsAgree(int tokens, int rows, int d) {
    for (Element type : Element.values()) {
      for (boolean masked : new boolean[] {false, true}) {
        compare(
            rounded(type),
            bed -> {
              DeviceMemory y = bed.poisoned((long) tokens * (rows + 8) * Element.BYTES);
              DeviceMemory x = bed.elements(type, (long) tokens * (d + 16), 1, 1);
              DeviceMemory w = bed.elements(type, (long) rows * d, 0.1, 2);
              Units units = masked ? units(bed, 32, 0, (rows - 1) / 32) : Units.ALL;
              bed.kernels()
                  .rows(
                      bed.stream(),
                      type,
                      y.address(),
                      rows + 8,
                      false,
                      x.address(),
                      d + 16,
                      tokens,
                      w.address(),
                      rows,
                      d,
                      units);
              return bed.elements(type, y);
            });
      }
    }
  }

  @ParameterizedTest(name = "{0} tokens, a vocabulary of {1}")
  @CsvSource({"1, 1000", "3, 32003", "33, 257", "64, 100"})
  void logitsAgree(int tokens, int rows) {
    compare(
        F32,
        bed -> {
          DeviceMemory y = bed.poisoned(4L * tokens * rows);
          DeviceMemory x = bed.elements(Element.BF16, tokens * 192L, 1, 1);
          DeviceMemory w = bed.elements(Element.BF16, rows * 192L, 0.1, 2);
          bed.kernels()
              .rows(
                  bed.stream(),
                  Element.BF16,
                  y.address(),
                  rows,
                  true,
                  x.address(),
                  192,
                  tokens,
                  w.address(),
                  rows,
                  192,
                  Units.ALL);
          return bed.floats(y);
        });
  }

  @ParameterizedTest(name = "{0} tokens, {1} channels, hidden size {2}")
  @CsvSource({"1, 64, 64", "5, 160, 576", "16, 1536, 64", "31, 96, 128", "64, 320, 192"})
  void gatedRowsAgree(int tokens, int channels, int d) {
    for (Element type : Element.values()) {
      compare(
          2 * rounded(type), // products of two
          bed -> {
            DeviceMemory y = bed.poisoned((long) tokens * channels * Element.BYTES);
            DeviceMemory x = bed.elements(type, (long) tokens * d, 1, 1);
            DeviceMemory gate = bed.elements(type, (long) channels * d, 0.1, 2);
            DeviceMemory up = bed.elements(type, (long) channels * d, 0.1, 3);
            bed.kernels()
                .gatedRows(
                    bed.stream(),
                    type,
                    y.address(),
                    channels,
                    x.address(),
                    d,
                    tokens,
                    gate.address(),
                    up.address(),
                    channels,
                    d,
                    units(bed, 64, 0, (channels - 1) / 64));
            return bed.elements(type, y);
          });
    }
  }

  @ParameterizedTest(name = "{0} tokens, {1} rows, hidden size {2}, units {3}")
  @CsvSource({
    "1, 64, 64, 1",
    "1, 1536, 576, 3",
    "4, 96, 192, 0",
    "12, 160, 576, 2",
    "33, 320, 64, 3",
    "64, 128, 4096, 2"
  })
  void accumulateAgrees(int tokens, int rows, int d, int retained) {
    for (Element type : Element.values()) {
      compare(
          F32,
          bed -> {
            DeviceMemory y = bed.floats((long) tokens * d, 4);
            DeviceMemory x = bed.elements(type, (long) tokens * rows, 1, 1);
            DeviceMemory w = bed.elements(type, (long) rows * d, 0.1, 2);
            DeviceMemory addend = bed.floats(d, 3);
            DeviceMemory scratch = bed.zeros(bed.kernels().accumulateScratch(tokens, d));
            int last = (rows - 1) / 32;
            int[] kept = IntStream.of(0, last / 2, last).limit(retained).distinct().toArray();
            for (int i = 0; i < 2; i++) { // the scratch memory must serve again
              bed.kernels()
                  .accumulate(
                      bed.stream(),
                      type,
                      y.address(),
                      x.address(),
                      rows,
                      tokens,
                      w.address(),
                      rows,
                      d,
                      units(bed, 32, kept),
                      addend.address(),
                      scratch.address());
            }
            return bed.floats(y);
          });
    }
  }

  private static final int SLOTS = 40 * 16;

  private static Kv cache(KernelBed bed, Element type, Heads heads) {
    long elements = (long) heads.groups() * SLOTS * heads.headSize();
    return new Kv(
        bed.elements(type, elements, 1, 5).address(),
        bed.elements(type, elements, 1, 6).address(),
        (long) SLOTS * heads.headSize());
  }

  // Blocks out of order, no two sequences with one in common; sequence 1 lacks group 0.
  private static Tables tables(KernelBed bed, int sequences, int groups) {
    int stride = 40 / sequences;
    int[] tables = new int[sequences * stride];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = (i * 7) % 40;
    }
    byte[] present = new byte[sequences * groups];
    Arrays.fill(present, (byte) 1);
    if (sequences > 1 && groups > 1) {
      present[groups] = 0;
    }
    return new Tables(bed.ints(tables).address(), stride, 16, bed.bytes(present).address());
  }

  @ParameterizedTest(name = "{0} groups of {1} heads of {2}")
  @CsvSource({"1, 1, 32", "3, 3, 64", "2, 4, 128", "2, 8, 96", "1, 16, 64"})
  void attentionOfOneTokenAgrees(int groups, int groupHeads, int headSize) {
    Heads heads = new Heads(groups, groupHeads, headSize);
    long columns = (long) groups * (groupHeads + 2) * headSize;
    int[] positions = {0, 15, 16, 127, -1};
    for (Element type : Element.values()) {
      compare(
          2 * rounded(type),
          bed -> {
            long yBytes = (long) positions.length * groups * groupHeads * headSize * Element.BYTES;
            DeviceMemory y = bed.poisoned(yBytes);
            DeviceMemory qkv = bed.elements(type, positions.length * columns, 1, 7);
            DeviceMemory scratch =
                bed.zeros(bed.kernels().attentionScratch(positions.length, heads));
            Tables tables = tables(bed, positions.length, groups);
            long units = groups > 1 ? units(bed, 16, 0, groups - 1).table() : 0;
            Kv kv = cache(bed, type, heads);
            long at = bed.ints(positions).address();
            for (int i = 0; i < 2; i++) {
              bed.kernels()
                  .attentionOne(
                      bed.stream(),
                      type,
                      y.address(),
                      (long) groups * groupHeads * headSize,
                      qkv.address(),
                      columns,
                      heads,
                      kv,
                      at,
                      tables,
                      positions.length,
                      units,
                      scratch.address());
            }
            return bed.elements(type, y);
          });
    }
  }

  @ParameterizedTest(name = "{0} groups of {1} heads of {2}")
  @CsvSource({"1, 1, 32", "3, 3, 64", "2, 4, 128", "2, 8, 96", "1, 16, 64"})
  void attentionOfManyTokensAgrees(int groups, int groupHeads, int headSize) {
    Heads heads = new Heads(groups, groupHeads, headSize);
    long columns = (long) groups * (groupHeads + 2) * headSize;
    // sequence, first token, tokens, position: a chunk amid a context, two tiles of one sequence
    int[] tiles = {0, 0, 5, 37, 1, 5, 64, 0, 1, 69, 3, 64};
    int tokens = 72;
    for (Element type : Element.values()) {
      compare(
          2 * rounded(type),
          bed -> {
            DeviceMemory y =
                bed.poisoned((long) Element.BYTES * tokens * groups * groupHeads * headSize);
            DeviceMemory qkv = bed.elements(type, tokens * columns, 1, 7);
            Tables tables = tables(bed, 2, groups);
            long units = groups > 1 ? units(bed, 16, 0, groups - 1).table() : 0;
            bed.kernels()
                .attentionMany(
                    bed.stream(),
                    type,
                    y.address(),
                    (long) groups * groupHeads * headSize,
                    qkv.address(),
                    columns,
                    heads,
                    cache(bed, type, heads),
                    bed.ints(tiles).address(),
                    3,
                    tables,
                    units);
            return bed.elements(type, y);
          });
    }
  }

  @ParameterizedTest
  @EnumSource
  void embeddingsAndNormsAgree(Element type) {
    compare(
        rounded(type),
        bed -> {
          DeviceMemory hidden = bed.poisoned(4L * 3 * 576);
          DeviceMemory table = bed.elements(type, 50L * 576, 1, 1);
          long tokens = bed.ints(49, -1, 0).address();
          bed.kernels()
              .embed(bed.stream(), type, hidden.address(), table.address(), tokens, 3, 576);
          DeviceMemory y = bed.poisoned(2L * 576 * Element.BYTES);
          long weight = bed.floats(576, 2).address();
          long rows = bed.ints(2, 0).address();
          bed.kernels()
              .rmsNorm(
                  bed.stream(), type, y.address(), hidden.address(), weight, rows, 2, 576, 1e-5f);
          return bed.elements(type, y);
        });
  }

  @ParameterizedTest
  @CsvSource({"F16, true", "BF16, false"})
  void rotationsAndStoredKeysAgree(Element type, boolean interleaved) {
    Heads heads = new Heads(3, 2, 64);
    long columns = 3L * 4 * 64;
    for (boolean values : new boolean[] {false, true}) {
      compare(
          rounded(type),
          bed -> {
            DeviceMemory qkv = bed.elements(type, 4 * columns, 1, 1);
            DeviceMemory keys = bed.poisoned(3L * SLOTS * 64 * Element.BYTES);
            DeviceMemory vals = bed.poisoned(3L * SLOTS * 64 * Element.BYTES);
            Kv kv = new Kv(keys.address(), vals.address(), SLOTS * 64L);
            bed.kernels()
                .ropeStore(
                    bed.stream(),
                    type,
                    qkv.address(),
                    columns,
                    bed.floats(columns, 2).address(),
                    4,
                    heads,
                    bed.floats(20 * 64, 3).address(),
                    interleaved,
                    bed.ints(19, 0, -1, 7).address(),
                    bed.ints(639, 0, -1, 33).address(),
                    kv,
                    units(bed, 16, 0, 2).table());
            return bed.elements(type, values ? vals : keys);
          });
    }
  }

  @ParameterizedTest
  @EnumSource
  void gatesAndSumsOfColumnsAgree(Element type) {
    compare(
        2 * rounded(type),
        bed -> {
          DeviceMemory gate = bed.elements(type, 70L * 160, 1, 1);
          DeviceMemory up = bed.elements(type, 70L * 160, 1, 2);
          Units units = units(bed, 64, 0, 2);
          bed.kernels()
              .swiglu(bed.stream(), type, gate.address(), up.address(), 160, 70, 160, units);
          return bed.elements(type, gate);
        });
    compare(
        F32,
        bed -> {
          DeviceMemory x = bed.elements(type, 70L * 160, 1, 1);
          DeviceMemory sums = bed.zeros(8L * 160);
          bed.kernels().columnSums(bed.stream(), type, sums.address(), x.address(), 160, 70, 160);
          return bed.doubles(sums);
        });
  }

  @ParameterizedTest
  @CsvSource({"1, 1000", "5, 49152", "3, 32003"})
  void drawsAndLogProbabilitiesAgree(int rows, int vocabulary) {
    compare(
        0,
        bed -> {
          DeviceMemory logits = bed.floats((long) rows * vocabulary, 1);
          DeviceMemory y = bed.poisoned(4L * rows);
          bed.kernels().argmax(bed.stream(), y.address(), logits.address(), rows, vocabulary);
          return bed.ints(y);
        });
    compare(
        1e-6,
        bed -> {
          DeviceMemory logits = bed.floats((long) rows * vocabulary, 1);
          DeviceMemory y = bed.zeros(8L * rows);
          long targets = bed.ints(IntStream.range(0, rows).map(i -> i * 199).toArray()).address();
          bed.kernels()
              .logProbs(bed.stream(), y.address(), logits.address(), rows, vocabulary, targets);
          return bed.doubles(y);
        });
  }

  @ParameterizedTest
  @EnumSource
  void storedMatricesAreConvertedAlike(DType stored) {
    for (boolean transpose : new boolean[] {false, true}) {
      compare(
          1e-7,
          bed -> {
            int rows = 48;
            int columns = 96;
            DeviceMemory x = bed.elements(Element.F16, 2L * rows * columns, 1, 1); // any bits
            DeviceMemory y = bed.poisoned(2L * rows * columns * Element.BYTES);
            bed.kernels()
                .convert(
                    bed.stream(),
                    Element.F16,
                    y.address(),
                    transpose ? rows : columns,
                    8,
                    16,
                    x.address(),
                    stored.ggmlId(),
                    0,
                    rows,
                    columns,
                    transpose);
            return finite(bed.elements(Element.F16, y));
          });
    }
  }

  // Bits that were drawn at random may be scales that are no numbers.
  private static double[] finite(double[] values) {
    return Arrays.stream(values).map(v -> Double.isFinite(v) ? v : -1).toArray();
  }

  @ParameterizedTest
  @EnumSource
  void blocksAreCopiedAlike(Element type) {
    Heads heads = new Heads(2, 1, 64);
    compare(
        0,
        bed -> {
          DeviceMemory keys = bed.elements(type, 2L * SLOTS * 64, 1, 1);
          DeviceMemory values = bed.elements(type, 2L * SLOTS * 64, 1, 2);
          Kv kv = new Kv(keys.address(), values.address(), SLOTS * 64L);
          long pairs = bed.ints(0, 39, 5, 6).address();
          bed.kernels().copyBlocks(bed.stream(), type, kv, heads, 16, pairs, 2);
          return bed.elements(type, values);
        });
  }
}
