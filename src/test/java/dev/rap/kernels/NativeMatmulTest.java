package dev.rap.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Products of every instruction set and storage type against the oracle. */
class NativeMatmulTest {
  private static final float UNTOUCHED = -77;

  // Around the sizes that the kernels work in: 4 rows, panels of 32, tiles of 6 and 12 tokens, few
  // (up to 4) and many tokens, 528 tokens that are packed at once.
  private static final int[] BATCHES = {1, 2, 3, 4, 5, 6, 7, 12, 13, 17, 64};

  private final Kernels oracle = CpuKernels.reference();

  /** One product: its sizes, and which rows and columns take part. */
  private record Shape(int rows, int columns, Ranges rowRanges, Ranges columnRanges) {
    static Shape dense(int rows, int columns) {
      return new Shape(rows, columns, Ranges.all(rows), Ranges.all(columns));
    }

    BitSet rowSet() {
      BitSet set = new BitSet();
      for (int i = 0; i < rowRanges.count(); i++) {
        set.set(rowRanges.start(i), rowRanges.end(i));
      }
      return set;
    }
  }

  private static List<Shape> shapes(DType type) {
    if (type.blockElements() == 1) {
      return List.of(
          Shape.dense(1, 1),
          Shape.dense(3, 31),
          Shape.dense(31, 33),
          Shape.dense(67, 97),
          Shape.dense(33, 576),
          new Shape(70, 130, Ranges.of(1, 2, 5, 40, 69, 70), Ranges.of(3, 4, 7, 39, 64, 130)),
          new Shape(40, 64, Ranges.all(40), Ranges.of()),
          new Shape(40, 64, Ranges.of(), Ranges.all(64)));
    }
    if (type.blockElements() == 256) {
      return List.of(
          Shape.dense(1, 256),
          Shape.dense(31, 512),
          Shape.dense(67, 768),
          new Shape(70, 2560, Ranges.of(1, 2, 5, 40, 69, 70), Ranges.of(256, 512, 768, 2048)),
          // Parts of blocks, two of one block, and a block between.
          new Shape(34, 1280, Ranges.all(34), Ranges.of(32, 64, 128, 192, 480, 864, 1152, 1280)),
          new Shape(40, 256, Ranges.all(40), Ranges.of()),
          new Shape(40, 256, Ranges.of(), Ranges.all(256)));
    }
    return List.of(
        Shape.dense(1, 32),
        Shape.dense(3, 96),
        Shape.dense(31, 64),
        Shape.dense(67, 160),
        Shape.dense(33, 576),
        new Shape(70, 288, Ranges.of(1, 2, 5, 40, 69, 70), Ranges.of(32, 64, 96, 192, 256, 288)),
        new Shape(40, 64, Ranges.all(40), Ranges.of()),
        new Shape(40, 64, Ranges.of(), Ranges.all(64)));
  }

  private static Stream<Arguments> kinds() {
    return NativeIsas.all().stream()
        .flatMap(isa -> Stream.of(DType.values()).map(type -> Arguments.of(isa, type)));
  }

  private static Stream<Arguments> blockKinds() {
    return kinds().filter(kind -> ((DType) kind.get()[1]).blockElements() > 1);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void productsAgreeWithTheOracle(Isa isa, DType type) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (Shape shape : shapes(type)) {
        for (int tokens : BATCHES) {
          compare(kernels, type, shape, tokens, true);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void longPromptsAndRealSizesAgreeWithTheOracle(Isa isa, DType type) {
    // SmolLM2-135M's down projection and key projection; more tokens than are packed at once; more
    // columns than are unpacked at once; more activations of few tokens than L1 holds.
    try (Kernels kernels = new NativeKernels(2, isa)) {
      boolean of256 = type.blockElements() == 256;
      compare(kernels, type, Shape.dense(576, 1536), 1, false);
      compare(kernels, type, Shape.dense(192, of256 ? 512 : 576), 513, false);
      compare(kernels, type, Shape.dense(8, of256 ? 256 : 64), 1100, false);
      compare(kernels, type, Shape.dense(40, of256 ? 4608 : 4704), 7, false);
      compare(kernels, type, Shape.dense(40, of256 ? 9472 : 9440), 1, false);
      compare(kernels, type, Shape.dense(40, of256 ? 9472 : 9440), 3, false);
    }
  }

  @ParameterizedTest
  @MethodSource("blockKinds")
  void theLargestProductsAgreeWithTheOracle(Isa isa, DType type) {
    // Weights of equal bytes with activations of equal sign: sums of neighbours' products are as
    // far
    // from zero as they can be.
    Shape shape = Shape.dense(17, 512);
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(1, isa)) {
      RandomData data = new RandomData(arena, 1);
      MemorySegment expected = data.floats(13 * 20, UNTOUCHED);
      MemorySegment actual = data.floats(13 * 20, UNTOUCHED);
      for (int value : new int[] {0x00, 0x7f, 0x80, 0xff}) {
        Tensor w = data.equalBytes(type, 17, 512, value);
        double[] weightNorms = weightNorms(data, w, shape);
        for (int tokens : new int[] {1, 4, 13}) {
          for (int activation : new int[] {-127, 127}) {
            MemorySegment x = data.floats(tokens * 512L, activation);
            run(oracle, expected, 20, x, 512, tokens, w, shape, false);
            run(kernels, actual, 20, x, 512, tokens, w, shape, false);
            for (int t = 0; t < tokens; t++) {
              double xNorm = norm(x, t * 512L, shape.columnRanges());
              checkToken(type, shape, t, t * 20L, expected, actual, weightNorms, xNorm);
            }
          }
        }
      }
    }
  }

  private void compare(
      Kernels kernels, DType type, Shape shape, int tokens, boolean alsoAccumulating) {
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, tokens * 31L + shape.columns());
      Tensor w = data.weights(type, shape.rows(), shape.columns());
      double[] weightNorms = weightNorms(data, w, shape);
      Poison.outside(w, shape.rowRanges(), shape.columnRanges());
      int xStride = Math.ceilDiv(shape.columns(), 16) * 16 + 16;
      MemorySegment x = data.integers((long) tokens * xStride);
      Poison.outside(x, xStride, tokens, shape.columnRanges());
      int yStride = shape.rows() + 3;
      MemorySegment expected = data.floats((long) tokens * yStride, UNTOUCHED);
      MemorySegment actual = data.floats((long) tokens * yStride, UNTOUCHED);
      for (boolean accumulate : alsoAccumulating ? new boolean[] {false, true} : new boolean[1]) {
        run(oracle, expected, yStride, x, xStride, tokens, w, shape, accumulate);
        run(kernels, actual, yStride, x, xStride, tokens, w, shape, accumulate);
        for (int t = 0; t < tokens; t++) {
          double xNorm = norm(x, (long) t * xStride, shape.columnRanges());
          checkToken(type, shape, t, (long) t * yStride, expected, actual, weightNorms, xNorm);
        }
      }
    }
  }

  private static void run(
      Kernels kernels,
      MemorySegment y,
      int yStride,
      MemorySegment x,
      int xStride,
      int tokens,
      Tensor w,
      Shape shape,
      boolean accumulate) {
    kernels.matmul(
        y, yStride, x, xStride, tokens, w, shape.rowRanges(), shape.columnRanges(), accumulate);
  }

  private static void checkToken(
      DType type,
      Shape shape,
      int token,
      long start,
      MemorySegment expected,
      MemorySegment actual,
      double[] weightNorms,
      double xNorm) {
    BitSet computed = shape.rowSet();
    for (int r = 0; r < shape.rows() + 3; r++) {
      int row = r;
      Supplier<String> where = () -> "%s %s: token %d, row %d".formatted(type, shape, token, row);
      if (!computed.get(r)) {
        assertEquals(UNTOUCHED, at(actual, start + r), where);
        continue;
      }
      int terms = shape.columnRanges().total();
      // Twice, as an accumulating product adds to another.
      double bound = 2 * Tolerance.product(terms, weightNorms[r], xNorm);
      Tolerance.check(where, at(expected, start + r), at(actual, start + r), bound);
    }
  }

  private double[] weightNorms(RandomData data, Tensor w, Shape shape) {
    MemorySegment row = data.floats(w.columns(), 0);
    double[] norms = new double[w.rows()];
    for (int r = 0; r < w.rows(); r++) {
      oracle.embed(row, w, data.ints(r), 1);
      norms[r] = norm(row, 0, shape.columnRanges());
    }
    return norms;
  }

  private static double norm(MemorySegment x, long start, Ranges columns) {
    double squares = 0;
    for (int i = 0; i < columns.count(); i++) {
      for (int c = columns.start(i); c < columns.end(i); c++) {
        double value = at(x, start + c);
        squares += value * value;
      }
    }
    return Math.sqrt(squares);
  }

  static float at(MemorySegment floats, long index) {
    return floats.get(JAVA_FLOAT_UNALIGNED, 4 * index);
  }
}
