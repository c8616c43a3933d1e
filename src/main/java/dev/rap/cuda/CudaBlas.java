package dev.rap.cuda;

/** Dense products by cuBLAS. */
interface CudaBlas {
  /**
   * y[t, m] = beta * y[t, m] + sum over k of x[t, k] * w[m, k], or of x[t, k] * w[k, m].
   *
   * @param y {@code [tokens, yStride]}, F32 if {@code yF32}, else elements
   * @param x {@code [tokens, xStride]} elements
   * @param w elements, {@code [outputs, wStride]}, or {@code [inputs, wStride]} if {@code byInput}
   * @param byInput whether the rows of w are inputs
   */
  void product(
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
      float beta);

  /** {@return version and where it was found, for people} */
  String description();

  void close();
}
