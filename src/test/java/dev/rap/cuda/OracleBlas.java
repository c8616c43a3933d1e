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
      boolean byInput,
      int outputs,
      int inputs,
      float beta) {
    driver.queue(
        stream,
        () -> {
          for (int t = 0; t < tokens; t++) {
            for (int m = 0; m < outputs; m++) {
              double sum = 0;
              for (int k = 0; k < inputs; k++) {
                long at = byInput ? k * wStride + m : m * wStride + k;
                sum += get(type, x, t * xStride + k) * get(type, w, at);
              }
              put(type, y, t * yStride + m, yF32, beta, sum);
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
