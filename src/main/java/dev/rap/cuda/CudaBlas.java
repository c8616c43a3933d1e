package dev.rap.cuda;

/** Dense products by cuBLAS. */
interface CudaBlas {
  /**
   * y[t, r] = beta * y[t, r] + sum over c of x[t, c] * w[r, c].
   *
   * @param y {@code [tokens, yStride]}, F32 if {@code yF32}, else elements
   * @param x {@code [tokens, xStride]} elements
   * @param w {@code [rows, wStride]} elements
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
      int rows,
      int columns,
      float beta);

  /**
   * y[t, c] = beta * y[t, c] + sum over r of x[t, r] * w[r, c].
   *
   * @param w {@code [rows, wStride]} elements
   */
  void transposedProduct(
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
      float beta);

  /** {@return version and where it was found, for people} */
  String description();

  void close();
}
