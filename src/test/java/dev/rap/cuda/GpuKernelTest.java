package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.cuda.CudaKernels.Units;
import dev.rap.tensor.DType;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kernels on the GPU against their oracles, at the edges of their launch geometry. Those of the KV
 * cache have {@link GpuKernelKvTest}.
 */
@Tag("gpu")
class GpuKernelTest {
  // Of the norm of a result. Elements are rounded by up to half of their last bit, a mean square of
  // 2^-9 / sqrt(3) = 0.0011 of themselves in BF16; in attention the weights are rounded as well.
  static double rounded(Element type) {
    return type == Element.BF16 ? 0.004 : 0.0005;
  }

  private static final double F32 = 2e-5; // sums of thousands in another order

  static void compare(double tolerance, Function<KernelBed, double[]> run) {
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

  static Units units(KernelBed bed, int unitRows, int... retained) {
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

  private static long bias(KernelBed bed, boolean biased, int channels, long seed) {
    return biased ? bed.floats(channels, seed).address() : 0;
  }

  @ParameterizedTest(name = "{0} tokens, {1} channels, hidden size {2}, biases {3} {4}")
  @CsvSource({
    "1, 64, 64, false, false",
    "5, 160, 576, false, false",
    "16, 1536, 64, false, false",
    "31, 96, 128, false, false",
    "64, 320, 192, false, false",
    "1, 160, 64, true, true",
    "16, 96, 128, false, true",
    "64, 1536, 64, true, false"
  })
  void gatedRowsAgree(int tokens, int channels, int d, boolean gateBiased, boolean upBiased) {
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
                    bias(bed, gateBiased, channels, 4),
                    bias(bed, upBiased, channels, 5),
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

  @ParameterizedTest(name = "{0} channels, biases {1} {2}")
  @CsvSource({
    "160, false, false",
    "160, true, true",
    "160, false, true",
    "149, true, false" // one by one
  })
  void gatesAgree(int channels, boolean gateBiased, boolean upBiased) {
    for (Element type : Element.values()) {
      compare(
          2 * rounded(type),
          bed -> {
            DeviceMemory gate = bed.elements(type, 70L * 160, 1, 1);
            DeviceMemory up = bed.elements(type, 70L * 160, 1, 2);
            bed.kernels()
                .swiglu(
                    bed.stream(),
                    type,
                    gate.address(),
                    up.address(),
                    bias(bed, gateBiased, channels, 3),
                    bias(bed, upBiased, channels, 4),
                    160,
                    70,
                    channels,
                    units(bed, 64, 0, 2));
            return bed.elements(type, gate);
          });
    }
  }

  @ParameterizedTest
  @EnumSource
  void sumsOfColumnsAgree(Element type) {
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
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"})
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
}
