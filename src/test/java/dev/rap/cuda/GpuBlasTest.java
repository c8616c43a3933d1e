package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of cuBLAS against sums in float64, with strides wider than the matrices. */
@Tag("gpu")
class GpuBlasTest {
  private static final float UNTOUCHED = -77;

  private final CudaDevice device = CudaDevice.open(RealGpu.driver());
  private final CudaStream stream = device.newStream();
  private Cublas blas;

  @BeforeEach
  void open() {
    CublasLibrary.Loaded library = RealGpu.cublas();
    device.load(() -> blas = new Cublas(device, library));
    System.out.println(blas.description());
  }

  @AfterEach
  void close() {
    blas.close();
    stream.close();
    device.close();
  }

  /** One product: w is {@code [rows, columns]}. */
  private record Shape(int tokens, int rows, int columns) {}

  // Odd ones; a vector; one that splits its sums; real ones.
  private static final Shape[] SHAPES = {
    new Shape(1, 1, 1),
    new Shape(3, 5, 7),
    new Shape(17, 33, 31),
    new Shape(1, 64, 576),
    new Shape(5, 8, 4099),
    new Shape(65, 576, 1536)
  };

  @ParameterizedTest
  @EnumSource
  void productsAgreeWithSumsInFloat64(Element type) {
    for (Shape shape : SHAPES) {
      for (boolean yF32 : new boolean[] {true, false}) {
        for (float beta : new float[] {0, 1}) {
          compare(type, shape, yF32, beta, false);
          compare(type, shape, yF32, beta, true);
        }
      }
    }
  }

  private void compare(Element type, Shape shape, boolean yF32, float beta, boolean isTransposed) {
    int inputs = isTransposed ? shape.rows() : shape.columns();
    int outputs = isTransposed ? shape.columns() : shape.rows();
    SplittableRandom random = new SplittableRandom(shape.hashCode());
    try (HostMatrix x = new HostMatrix(device, type, false, shape.tokens(), inputs);
        HostMatrix w = new HostMatrix(device, type, false, shape.rows(), shape.columns());
        HostMatrix y = new HostMatrix(device, type, yF32, shape.tokens(), outputs)) {
      x.fill(random);
      w.fill(random);
      y.fill(random);
      y.pad(UNTOUCHED);
      double[][] expected = new double[shape.tokens()][outputs];
      double[][] sizes = new double[shape.tokens()][outputs];
      for (int t = 0; t < shape.tokens(); t++) {
        for (int r = 0; r < outputs; r++) {
          expected[t][r] = beta * y.at(t, r);
          sizes[t][r] = Math.abs(expected[t][r]);
          for (int c = 0; c < inputs; c++) {
            double term = x.at(t, c) * w.at(isTransposed ? c : r, isTransposed ? r : c);
            expected[t][r] += term;
            sizes[t][r] += Math.abs(term);
          }
        }
      }
      x.upload(stream);
      w.upload(stream);
      y.upload(stream);
      run(type, shape, x, w, y, beta, isTransposed);
      y.download(stream);
      stream.synchronize();
      for (int t = 0; t < shape.tokens(); t++) {
        for (int r = 0; r < outputs; r++) {
          String where = "%s %s %s [%d, %d]".formatted(type, shape, isTransposed, t, r);
          double bound = bound(type, yF32, inputs) * sizes[t][r];
          assertTrue(
              Math.abs(y.at(t, r) - expected[t][r]) <= bound,
              () -> "%s: not within %g".formatted(where, bound));
        }
        assertEquals(UNTOUCHED, y.at(t, outputs), "the rest of a row is left alone");
      }
    }
  }

  // Sums in F32 of n terms in any order; and, where y is stored in elements, one rounding for it
  // and
  // one for each of the few parts that cuBLAS may split a sum into.
  private static double bound(Element type, boolean yF32, int terms) {
    double sums = (terms + 2) * 0x1p-24;
    double rounding = type == Element.F16 ? 0x1p-11 : 0x1p-8;
    return yF32 ? sums : sums + 3 * rounding;
  }

  private void run(
      Element type,
      Shape shape,
      HostMatrix x,
      HostMatrix w,
      HostMatrix y,
      float beta,
      boolean isTransposed) {
    blas.product(
        stream.handle(),
        type,
        y.address(),
        y.stride(),
        y.isF32(),
        x.address(),
        x.stride(),
        shape.tokens(),
        w.address(),
        w.stride(),
        isTransposed,
        isTransposed ? shape.columns() : shape.rows(),
        isTransposed ? shape.rows() : shape.columns(),
        beta);
  }

  @Test
  void productsCanBeCaptured() {
    Shape shape = new Shape(32, 4096, 4096);
    try (HostMatrix x = new HostMatrix(device, Element.BF16, false, 32, 4096);
        HostMatrix w = new HostMatrix(device, Element.BF16, false, 4096, 4096);
        HostMatrix y = new HostMatrix(device, Element.BF16, true, 32, 4096)) {
      SplittableRandom random = new SplittableRandom(1);
      x.fill(random);
      w.fill(random);
      x.upload(stream);
      w.upload(stream);
      run(Element.BF16, shape, x, w, y, 0, false);
      y.download(stream);
      stream.synchronize();
      double expected = y.at(31, 4095);
      y.pad(0);
      y.upload(stream);
      try (CudaGraph graph = stream.capture(() -> run(Element.BF16, shape, x, w, y, 0, false))) {
        System.out.println(graph.kernels() + " kernels");
        assertTrue(graph.kernels() >= 1);
        stream.launch(graph);
        y.download(stream);
        stream.synchronize();
        assertEquals(expected, y.at(31, 4095));
      }
    }
  }

  @Test
  void refusalIsAnException() {
    try (HostMatrix x = new HostMatrix(device, Element.F16, false, 8, 8)) {
      CudaException refused =
          assertThrows(
              CudaException.class,
              () ->
                  blas.product(
                      stream.handle(),
                      Element.F16,
                      x.address(),
                      1, // less than a row
                      false,
                      x.address(),
                      x.stride(),
                      8,
                      x.address(),
                      x.stride(),
                      false,
                      8,
                      8,
                      0));
      assertEquals(
          "cuBLAS refused a product of [8, 8] and 8 outputs: CUBLAS_STATUS_INVALID_VALUE",
          refused.getMessage());
    }
  }
}
