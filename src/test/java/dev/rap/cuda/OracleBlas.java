package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** Dense products in float64, on the memory of a fake driver. */
record OracleBlas(FakeDriver driver) implements CudaBlas {

  @Override
  public void product(
      long stream,
      Element type,
      long y,
      long yStride,
      boolean yF32,
      long x,
      long xStride,
      int tokens,
      long w,
      long wStride,
      int rows,
      int columns,
      float beta) {
    driver.queue(
        stream,
        () -> {
          for (int t = 0; t < tokens; t++) {
            for (int r = 0; r < rows; r++) {
              double sum = 0;
              for (int c = 0; c < columns; c++) {
                sum += get(type, x, t * xStride + c) * get(type, w, r * wStride + c);
              }
              put(type, y, t * yStride + r, yF32, beta, sum);
            }
          }
        });
  }

  @Override
  public void transposedProduct(
      long stream,
      Element type,
      long y,
      long yStride,
      boolean yF32,
      long x,
      long xStride,
      int tokens,
      long w,
      long wStride,
      int rows,
      int columns,
      float beta) {
    driver.queue(
        stream,
        () -> {
          for (int t = 0; t < tokens; t++) {
            for (int c = 0; c < columns; c++) {
              double sum = 0;
              for (int r = 0; r < rows; r++) {
                sum += get(type, x, t * xStride + r) * get(type, w, r * wStride + c);
              }
              put(type, y, t * yStride + c, yF32, beta, sum);
            }
          }
        });
  }

  private double get(Element type, long address, long index) {
    return Elements.get(type, driver.from(address), index);
  }

  private void put(Element type, long address, long index, boolean isF32, float beta, double sum) {
    MemorySegment y = driver.from(address);
    if (isF32) {
      double before = beta == 0 ? 0 : beta * y.getAtIndex(JAVA_FLOAT, index);
      y.setAtIndex(JAVA_FLOAT, index, (float) (before + sum));
    } else {
      double before = beta == 0 ? 0 : beta * Elements.get(type, y, index);
      Elements.put(type, y, index, before + sum);
    }
  }

  @Override
  public String description() {
    return "oracle";
  }

  @Override
  public void close() {}
}
