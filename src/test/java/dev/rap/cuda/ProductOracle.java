package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** What the products with few tokens compute, in float64. Arguments are those of CudaKernels. */
final class ProductOracle {
  private ProductOracle() {}

  static void rows(
      Element type,
      MemorySegment y,
      long yStride,
      boolean yF32,
      MemorySegment x,
      long xStride,
      int tokens,
      MemorySegment w,
      int rows,
      int d,
      MemorySegment units,
      int unitRows) {
    for (int r = 0; r < rows; r++) {
      if (!ElementwiseOracle.retains(units, r / unitRows)) {
        continue;
      }
      for (int t = 0; t < tokens; t++) {
        double sum = dot(type, x, t * xStride, w, (long) r * d, d);
        if (yF32) {
          y.setAtIndex(JAVA_FLOAT, t * yStride + r, (float) sum);
        } else {
          Elements.put(type, y, t * yStride + r, sum);
        }
      }
    }
  }

  static void gatedRows(
      Element type,
      MemorySegment y,
      long yStride,
      MemorySegment x,
      long xStride,
      int tokens,
      MemorySegment gate,
      MemorySegment up,
      MemorySegment gateBias,
      MemorySegment upBias,
      int rows,
      int d,
      MemorySegment units,
      int unitRows) {
    for (int r = 0; r < rows; r++) {
      if (!ElementwiseOracle.retains(units, r / unitRows)) {
        continue;
      }
      for (int t = 0; t < tokens; t++) {
        double g = dot(type, x, t * xStride, gate, (long) r * d, d);
        double u = dot(type, x, t * xStride, up, (long) r * d, d);
        double value =
            ElementwiseOracle.gated(
                g + ElementwiseOracle.valueOr0(gateBias, r),
                u + ElementwiseOracle.valueOr0(upBias, r));
        Elements.put(type, y, t * yStride + r, value);
      }
    }
  }

  static void accumulate(
      Element type,
      MemorySegment y,
      MemorySegment x,
      long xStride,
      int tokens,
      MemorySegment w,
      int rows,
      int d,
      MemorySegment units,
      int unitRows,
      MemorySegment addend) {
    for (int t = 0; t < tokens; t++) {
      double[] sums = new double[d];
      for (int r = 0; r < rows; r++) {
        if (ElementwiseOracle.retains(units, r / unitRows)) {
          double factor = Elements.get(type, x, t * xStride + r);
          for (int c = 0; c < d; c++) {
            sums[c] += factor * Elements.get(type, w, (long) r * d + c);
          }
        }
      }
      for (int c = 0; c < d; c++) {
        double more = ElementwiseOracle.valueOr0(addend, c);
        long at = (long) t * d + c;
        y.setAtIndex(JAVA_FLOAT, at, (float) (y.getAtIndex(JAVA_FLOAT, at) + sums[c] + more));
      }
    }
  }

  private static double dot(
      Element type, MemorySegment a, long aFirst, MemorySegment b, long bFirst, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += (double) Elements.get(type, a, aFirst + i) * Elements.get(type, b, bFirst + i);
    }
    return sum;
  }
}
