package dev.rap.kernels;

import static dev.rap.kernels.NativeMatmulTest.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Gated products, and the rounding of activations, against the oracle. */
class NativeGatedMatmulTest {
  private final Kernels oracle = CpuKernels.reference();

  private static List<Isa> isas() {
    return NativeIsas.all();
  }

  private static Stream<Arguments> kinds() {
    return NativeIsas.all().stream()
        .flatMap(isa -> Stream.of(DType.values()).map(type -> Arguments.of(isa, type)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void gatedProductsAgreeWithTheOracle(Isa isa, DType type) {
    // Mixed types, as some quantised files have them, masks of channel blocks, and ranges that
    // share a panel.
    DType other =
        switch (type) {
          case Q8_0 -> DType.Q4_1;
          case Q4_K -> DType.Q6_K;
          case Q3_K -> DType.F16;
          case Q2_K -> DType.Q5_0;
          default -> type;
        };
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int tokens : new int[] {1, 2, 5, 17}) {
        for (boolean biased : new boolean[] {false, true}) {
          Activation activation = biased ? Activation.SILU : Activation.GELU_TANH;
          compare(kernels, type, other, tokens, Ranges.all(97), biased, Activation.SILU);
          compare(kernels, type, other, tokens, Ranges.of(0, 32, 64, 97), biased, activation);
          compare(kernels, type, other, tokens, Ranges.of(3, 20, 41, 90), biased, activation);
        }
      }
    }
  }

  private void compare(
      Kernels kernels,
      DType gateType,
      DType upType,
      int tokens,
      Ranges rows,
      boolean biased,
      Activation activation) {
    int columns = Math.max(160, Math.max(gateType.blockElements(), upType.blockElements()));
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, tokens);
      Tensor gate = data.weights(gateType, 97, columns);
      Tensor up = data.weights(upType, 97, columns);
      Poison.outside(gate, rows, Ranges.all(columns));
      Poison.outside(up, rows, Ranges.all(columns));
      MemorySegment x = data.integers((long) tokens * columns);
      MemorySegment gates = data.floats(tokens * 97L, 0);
      MemorySegment ups = data.floats(tokens * 97L, 0);
      MemorySegment expected = data.floats(tokens * 97L, -77);
      MemorySegment actual = data.floats(tokens * 97L, -77);
      Ranges all = Ranges.all(columns);
      oracle.matmul(gates, 97, x, columns, tokens, gate, rows, all, false);
      oracle.matmul(ups, 97, x, columns, tokens, up, rows, all, false);
      MemorySegment gateBias = biased ? bias(data, gates, tokens) : MemorySegment.NULL;
      MemorySegment upBias = biased ? bias(data, ups, tokens) : MemorySegment.NULL;
      oracle.gatedMatmul(
          expected, 97, x, columns, tokens, gate, up, gateBias, upBias, activation, rows);
      kernels.gatedMatmul(
          actual, 97, x, columns, tokens, gate, up, gateBias, upBias, activation, rows);

      // Norms: weights are below 3 in the mean square, activations are below 127.
      double product = Tolerance.product(columns, Math.sqrt(3 * columns), 127 * Math.sqrt(columns));
      for (int i = 0; i < tokens * 97; i++) {
        int index = i;
        double g = at(gates, i);
        double u = at(ups, i);
        double gated = activation == Activation.SILU ? silu(g) : gelu(g);
        // Both have a slope below 1.2.
        double bound =
            1.2 * product * Math.abs(u)
                + Math.abs(gated) * product
                + Math.abs(gated * u) * (relative(activation, g) + 4 * Tolerance.F32);
        Tolerance.check(
            () -> "%s gate, %s up, %d tokens: %d".formatted(gateType, upType, tokens, index),
            at(expected, i),
            at(actual, i),
            bound);
      }
    }
  }

  private static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }

  private static double gelu(double x) {
    return x / (1 + Math.exp(-exponent(x)));
  }

  // 2 sqrt(2 / pi) (x + 0.044715 x^3), as (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)).
  private static double exponent(double x) {
    return 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
  }

  // Of an activation: its exponential's, and five roundings of the exponent where that is no more
  // than the product.
  private static double relative(Activation activation, double x) {
    return activation == Activation.SILU
        ? Tolerance.EXP
        : Tolerance.EXP + 5 * Tolerance.F32 * Math.min(88, Math.abs(exponent(x)));
  }

  /** {@return a bias of whole numbers for 97 rows, which is added to products of theirs} */
  private static MemorySegment bias(RandomData data, MemorySegment products, int tokens) {
    MemorySegment bias = data.integers(97);
    for (int i = 0; i < tokens * 97; i++) {
      float sum = at(products, i) + at(bias, i % 97);
      products.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, sum);
    }
    return bias;
  }

  @ParameterizedTest
  @MethodSource("isas")
  void activationsAreAccurateOverTheirRange(Isa isa) {
    // For g far below zero silu(g) is g exp(g): a relative error of the exponential is one of silu.
    int rows = 8001;
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(1, isa)) {
      RandomData data = new RandomData(arena, 1);
      MemorySegment gates = data.floats(rows, 0);
      for (int r = 0; r < rows; r++) {
        gates.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * r, -80 + r / 50f);
      }
      Tensor gate = new Tensor(DType.F32, rows, 1, gates);
      Tensor up = new Tensor(DType.F32, rows, 1, data.floats(rows, 1));
      MemorySegment y = data.floats(rows, 0);
      MemorySegment none = MemorySegment.NULL;
      for (Activation activation : Activation.values()) {
        Ranges all = Ranges.all(rows);
        MemorySegment one = data.floats(1, 1);
        kernels.gatedMatmul(y, rows, one, 1, 1, gate, up, none, none, activation, all);
        for (int r = 0; r < rows; r++) {
          double g = at(gates, r);
          double expected = activation == Activation.SILU ? silu(g) : gelu(g);
          double bound = relative(activation, g) * Math.abs(expected) + 1e-36;
          Tolerance.check(() -> activation + "(" + g + ")", expected, at(y, r), bound);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void roundedActivationsCostNoMoreThanTheirRounding(Isa isa, DType type) {
    int columns = type.blockElements() == 256 ? 768 : 576;
    int rows = 64;
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(2, isa)) {
      RandomData data = new RandomData(arena, 7);
      Tensor w = data.weights(type, rows, columns);
      MemorySegment values = data.floats(columns, 0);
      for (double scale : new double[] {1, 1e-6, 1e6}) {
        for (int tokens : new int[] {1, 3, 40}) {
          MemorySegment x = data.normal((long) tokens * columns, scale);
          MemorySegment expected = data.floats((long) tokens * rows, 0);
          MemorySegment actual = data.floats((long) tokens * rows, 0);
          Ranges all = Ranges.all(columns);
          oracle.matmul(expected, rows, x, columns, tokens, w, Ranges.all(rows), all, false);
          kernels.matmul(actual, rows, x, columns, tokens, w, Ranges.all(rows), all, false);
          for (int r = 0; r < rows; r++) {
            oracle.embed(values, w, data.ints(r), 1);
            for (int t = 0; t < tokens; t++) {
              double bound = bound(isa, type, tokens, values, x, t * columns, columns);
              int at = t * rows + r;
              Tolerance.check(
                  () -> "%s, %d tokens, scale %g: %d".formatted(type, tokens, scale, at),
                  at(expected, at),
                  at(actual, at),
                  bound);
            }
          }
        }
      }
    }
  }

  private static double bound(
      Isa isa, DType type, int tokens, MemorySegment w, MemorySegment x, int start, int columns) {
    boolean toInt8 = isa.compareTo(Isa.AVX2) >= 0 && type.blockElements() > 1;
    boolean toBf16 = isa == Isa.AVX512_BF16 && type == DType.BF16 && tokens > 4;
    double variance = 0;
    double weights = 0;
    double activations = 0;
    for (int group = 0; group < columns; group += 32) {
      double most = 0;
      for (int c = group; c < group + 32; c++) {
        most = Math.max(most, Math.abs(at(x, start + c)));
      }
      for (int c = group; c < group + 32; c++) {
        double weight = at(w, c);
        double value = at(x, start + c);
        double step = toInt8 ? most / 127 : toBf16 ? 2 * Tolerance.BF16 * value : 0;
        variance += step * step / 12 * weight * weight;
        weights += weight * weight;
        activations += value * value;
      }
    }
    return Tolerance.rounded(variance)
        + Tolerance.product(columns, Math.sqrt(weights), Math.sqrt(activations));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void notANumberComesThrough(Isa isa, DType type) {
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(1, isa)) {
      RandomData data = new RandomData(arena, 3);
      int columns = Math.max(64, type.blockElements());
      Tensor w = data.weights(type, 4, columns);
      for (int tokens : new int[] {1, 20}) {
        MemorySegment x = data.normal((long) tokens * columns, 1);
        long nan = (long) columns * (tokens - 1) + 37;
        x.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * nan, Float.NaN);
        MemorySegment y = data.floats(tokens * 4L, 0);
        kernels.matmul(y, 4, x, columns, tokens, w, Ranges.all(4), Ranges.all(columns), false);
        assertTrue(Float.isNaN(at(y, 4L * (tokens - 1))), "the last token's product");
        if (tokens > 1) {
          assertEquals(at(y, 0), at(y, 0), "the first token has none");
        }
      }
    }
  }
}
