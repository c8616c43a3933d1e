package dev.rap.kernels;

import static dev.rap.kernels.NativeMatmulTest.at;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Everything that is neither a product nor attention, against the oracle. */
class NativeElementwiseTest {
  // Around one vector of 4, 8 and 16 floats, primes, real hidden sizes.
  private static final int[] SIZES = {1, 3, 16, 31, 33, 67, 576, 4096};

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
  void embeddingsAgreeWithTheOracle(Isa isa, DType type) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int columns : sizes(type)) {
        for (int count : new int[] {0, 1, 5, 64}) {
          embed(kernels, type, columns, count);
        }
      }
    }
  }

  private static int[] sizes(DType type) {
    return switch (type.blockElements()) {
      case 1 -> SIZES;
      case 32 -> new int[] {32, 96, 576};
      default -> new int[] {256, 768};
    };
  }

  private void embed(Kernels kernels, DType type, int columns, int count) {
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, columns);
      Tensor table = data.weights(type, 11, columns);
      int[] tokens = new int[count];
      for (int t = 0; t < count; t++) {
        tokens[t] = t == 0 ? 10 : data.below(11);
      }
      MemorySegment expected = data.floats((long) count * columns, 0);
      MemorySegment actual = data.floats((long) count * columns, 0);
      oracle.embed(expected, table, data.ints(tokens), count);
      kernels.embed(actual, table, data.ints(tokens), count);
      // Plain types are exact, as are products; those with a minimum have a sum that one side may
      // fuse, of terms below 16 * 0.3 and 12, or 15 * 3 * 1.5 / 13 and half of that.
      boolean sums =
          switch (type) {
            case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K -> true;
            default -> false;
          };
      double bound = sums ? 2 * Tolerance.F32 * 16 : 0;
      for (int i = 0; i < count * columns; i++) {
        Tolerance.check(() -> "embedding", at(expected, i), at(actual, i), bound);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void normsAgreeWithTheOracle(Isa isa) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int size : SIZES) {
        for (int tokens : new int[] {1, 2, 64}) {
          for (double scale : new double[] {1, 1e-12, 1e12}) {
            norm(kernels, size, size, Ranges.all(size), tokens, scale);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void normsOfHeadsAgreeWithTheOracleAndLeaveTheOthersAlone(Isa isa) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int size : new int[] {2, 16, 34, 64, 128}) {
        for (int tokens : new int[] {1, 3, 64}) {
          norm(kernels, size, 5 * size + 3, Ranges.of(0, size, 2 * size, 4 * size), tokens, 1);
        }
      }
    }
  }

  private void norm(
      Kernels kernels, int size, int stride, Ranges columns, int tokens, double scale) {
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, size);
      long elements = (long) tokens * stride;
      MemorySegment x = data.normal(elements, scale);
      Tensor weight = new Tensor(DType.F32, 1, size, data.normal(size, 1));
      MemorySegment expected = data.normal(elements, scale);
      MemorySegment sums = arena.allocate(expected.byteSize(), 64).copyFrom(expected);
      MemorySegment inPlace = arena.allocate(x.byteSize(), 64).copyFrom(x);
      MemorySegment normed = arena.allocate(x.byteSize(), 64).copyFrom(x);
      oracle.rmsNorm(normed, x, stride, tokens, weight, 1e-5f, columns, false);
      kernels.rmsNorm(inPlace, inPlace, stride, tokens, weight, 1e-5f, columns, false);
      oracle.rmsNorm(expected, x, stride, tokens, weight, 1e-5f, columns, true);
      kernels.rmsNorm(sums, x, stride, tokens, weight, 1e-5f, columns, true);
      // Half of the sum's relative error remains under the root; then five roundings. Where it is
      // added, one more here and one in the oracle.
      double relative = (size / 2.0 + 5) * Tolerance.F32;
      for (long i = 0; i < elements; i++) {
        double bound = relative * Math.abs(at(normed, i)) + 1e-44;
        Tolerance.check(() -> "norm of " + size, at(normed, i), at(inPlace, i), bound);
        double more = bound + 2 * Tolerance.F32 * Math.abs(at(expected, i));
        Tolerance.check(() -> "added norm of " + size, at(expected, i), at(sums, i), more);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void scalesAreExactAndSoftCapsAgreeWithTheOracle(Isa isa) {
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(2, isa)) {
      for (int columns : new int[] {1, 15, 8192, 8193, 20_000}) {
        for (float cap : new float[] {0.5f, 30, 1000}) {
          RandomData data = new RandomData(arena, columns);
          MemorySegment x = data.normal(3L * columns, 40);
          MemorySegment capped = arena.allocate(x.byteSize(), 64).copyFrom(x);
          MemorySegment expected = arena.allocate(x.byteSize(), 64).copyFrom(x);
          MemorySegment scaled = arena.allocate(x.byteSize(), 64).copyFrom(x);
          oracle.softCap(expected, 3, columns, cap);
          kernels.softCap(capped, 3, columns, cap);
          kernels.scale(scaled, 3, columns, cap);
          for (long i = 0; i < 3L * columns; i++) {
            assertEquals(at(x, i) * cap, at(scaled, i));
            Tolerance.check(
                () -> "cap " + cap, at(expected, i), at(capped, i), cap * Tolerance.SOFT_CAP);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void multiplyAddsByAHalfAreExact(Isa isa) { // fused or not
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(2, isa)) {
      for (int elements : new int[] {0, 1, 255, 257, 8192, 20_001}) {
        MemorySegment x = new RandomData(arena, elements).normal(elements, 40);
        MemorySegment expected = arena.allocate(x.byteSize(), 64).copyFrom(x);
        oracle.multiplyAdds(expected, elements, 0.5f, 3, 5);
        kernels.multiplyAdds(x, elements, 0.5f, 3, 5);
        assertEquals(-1, expected.mismatch(x));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void addedRowsAreExact(Isa isa) {
    Ranges columns = Ranges.of(1, 2, 5, 40, 64, 97);
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(2, isa)) {
      for (int tokens : new int[] {1, 3, 200}) {
        RandomData data = new RandomData(arena, tokens);
        MemorySegment y = data.normal(tokens * 99L, 1);
        MemorySegment row = data.normal(97, 1);
        Poison.outside(row, 97, 1, columns);
        MemorySegment expected = data.bytes(y.byteSize()).copyFrom(y);
        oracle.addRow(expected, 99, tokens, row, columns);
        kernels.addRow(y, 99, tokens, row, columns);
        assertEquals(-1, expected.mismatch(y));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void rotationsAgreeWithTheOracle(Isa isa) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int headSize : new int[] {2, 6, 34, 64, 128}) {
        for (RopePairing pairing : RopePairing.values()) {
          for (int tokens : new int[] {1, 5, 64}) {
            rotate(kernels, headSize, headSize, pairing, tokens);
            rotate(kernels, headSize * 3 / 8 * 2, headSize, pairing, tokens);
          }
        }
      }
    }
  }

  private void rotate(
      Kernels kernels, int rotarySize, int headSize, RopePairing pairing, int tokens) {
    Ranges columns = Ranges.of(0, 1, 2, 5).times(headSize);
    int stride = 5 * headSize + 1;
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, headSize);
      MemorySegment x = data.normal((long) tokens * stride, 1);
      MemorySegment before = data.bytes(x.byteSize()).copyFrom(x);
      MemorySegment expected = data.bytes(x.byteSize()).copyFrom(x);
      MemorySegment angles = data.floats((long) tokens * rotarySize, 0);
      for (int t = 0; t < tokens; t++) {
        for (int i = 0; i < rotarySize / 2; i++) {
          double angle = data.below(1000);
          long at = 4 * ((long) t * rotarySize + i);
          angles.set(JAVA_FLOAT_UNALIGNED, at, (float) Math.cos(angle));
          angles.set(JAVA_FLOAT_UNALIGNED, at + 2L * rotarySize, (float) Math.sin(angle));
        }
      }
      oracle.rope(expected, stride, tokens, angles, rotarySize, headSize, pairing, columns);
      kernels.rope(x, stride, tokens, angles, rotarySize, headSize, pairing, columns);
      for (long i = 0; i < (long) tokens * stride; i++) {
        // Two products and a sum, of terms below 6.
        Tolerance.check(() -> "rotation", at(expected, i), at(x, i), 3 * Tolerance.F32 * 12);
        if (i % stride / headSize == 1) {
          assertEquals(at(before, i), at(x, i), "the second head is left alone");
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void storedKeysAndValuesAreTheNearestHalves(Isa isa) {
    // Ties, subnormals, what rounds to infinity, the largest half, and whatever else comes.
    float[] special = {
      0,
      -0f,
      1,
      65504,
      65519.99f,
      65520,
      -70000,
      Float.POSITIVE_INFINITY,
      0x1p-24f,
      0x1p-25f,
      0x1.8p-25f,
      0x1.8p-24f,
      0x1.ffcp-15f,
      0x1.ffep-15f,
      0x1.002p0f,
      0x1.006p0f,
      0x1p-126f
    };
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(2, isa)) {
      for (int headSize : new int[] {2, 18, 64}) {
        RandomData data = new RandomData(arena, headSize);
        int tokens = 9;
        int stride = 3 * headSize;
        MemorySegment k = data.normal((long) tokens * stride, 1e-3);
        MemorySegment v = data.normal((long) tokens * stride, 100);
        for (int i = 0; i < special.length; i++) {
          k.set(JAVA_FLOAT_UNALIGNED, 4L * i, special[i]);
        }
        int[] slots = {19, 0, 7, 8, 3, 2, 1, 11, 12};
        int[] zeros = new int[tokens];
        TokenBatch batch =
            new TokenBatch(
                tokens,
                1,
                data.ints(zeros),
                data.ints(zeros),
                data.ints(slots),
                data.ints(0),
                1,
                20);
        KvLayer expected = cache(data, headSize);
        KvLayer actual = cache(data, headSize);
        Ranges groups = Ranges.of(0, 1, 2, 3);
        oracle.storeKv(expected, k, v, stride, batch, groups);
        kernels.storeKv(actual, k, v, stride, batch, groups);
        assertEquals(-1, expected.keys().mismatch(actual.keys()));
        assertEquals(-1, expected.values().mismatch(actual.values()));
        assertEquals(0, actual.keys().get(JAVA_SHORT_UNALIGNED, 2L * 20 * headSize), "group 1");
      }
    }
  }

  private static KvLayer cache(RandomData data, int headSize) {
    long bytes = 2L * 3 * 20 * headSize;
    return new KvLayer(data.bytes(bytes), data.bytes(bytes), 20L * headSize, headSize);
  }

  @ParameterizedTest
  @MethodSource("isas")
  void logProbsAgreeWithTheOracle(Isa isa) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int vocabulary : new int[] {1, 2, 31, 33, 4099, 49152}) {
        for (double scale : new double[] {0, 1, 30}) {
          logProbs(kernels, vocabulary, scale);
        }
      }
    }
  }

  private void logProbs(Kernels kernels, int vocabulary, double scale) {
    int tokens = 3;
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, vocabulary);
      MemorySegment logits = data.normal((long) tokens * vocabulary, scale);
      MemorySegment targets = data.ints(0, vocabulary - 1, data.below(vocabulary));
      MemorySegment expected = data.bytes(8L * tokens);
      MemorySegment actual = data.bytes(8L * tokens);
      oracle.logProbs(expected, logits, tokens, vocabulary, targets);
      kernels.logProbs(actual, logits, tokens, vocabulary, targets);
      for (int t = 0; t < tokens; t++) {
        Tolerance.check(
            () -> "vocabulary %d, scale %g".formatted(vocabulary, scale),
            expected.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8L * t),
            actual.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8L * t),
            Tolerance.logProb(5 * scale));
      }
    }
  }

  @Test
  void indicesOutsideOfTheirTableAreRefused() {
    Isa isa = NativeIsas.all().getLast();
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(1, isa)) {
      RandomData data = new RandomData(arena, 1);
      Tensor table = data.weights(DType.F32, 3, 4);
      MemorySegment y = data.floats(4, 0);
      for (int token : new int[] {-1, 3, Integer.MAX_VALUE}) {
        MemorySegment tokens = data.ints(token);
        assertThrows(IndexOutOfBoundsException.class, () -> kernels.embed(y, table, tokens, 1));
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> kernels.logProbs(data.bytes(8), y, 1, 3, tokens));
      }
    }
  }

  @Test
  void buffersThatAreTooSmallAreRefused() {
    Isa isa = NativeIsas.all().getLast();
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(1, isa)) {
      RandomData data = new RandomData(arena, 1);
      Tensor w = data.weights(DType.Q8_0, 3, 64);
      MemorySegment x = data.floats(64, 0);
      MemorySegment y = data.floats(3, 0);
      Ranges rows = Ranges.all(3);
      Ranges columns = Ranges.all(64);
      kernels.matmul(y, 3, x, 64, 1, w, rows, columns, false);
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.matmul(y, 3, x, 64, 2, w, rows, columns, false));
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.matmul(y, 2, x, 64, 1, w, rows, columns, false));
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.matmul(y, 3, x, 64, 1, w, Ranges.all(4), columns, false));
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.matmul(y, 3, x, 64, 1, w, rows, Ranges.of(0, 33), false));
      for (int rotarySize : new int[] {-2, 31, 66}) {
        assertThrows(
            IllegalArgumentException.class,
            () -> kernels.rope(x, 64, 1, x, rotarySize, 64, RopePairing.HALVES, columns));
      }
    }
  }
}
