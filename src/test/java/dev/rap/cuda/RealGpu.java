package dev.rap.cuda;

/** The GPU of the machine, for tests that need one. */
final class RealGpu {
  private RealGpu() {}

  static CudaDriver driver() {
    return switch (Cuda.open()) {
      case Cuda.Opened opened -> opened.driver();
      case Cuda.Missing none -> throw new AssertionError(none.reason() + ": " + none.remedy());
    };
  }

  static CublasLibrary.Loaded cublas() {
    return switch (CublasLibrary.find()) {
      case CublasLibrary.Loaded loaded -> loaded;
      case CublasLibrary.Missing none ->
          throw new AssertionError(none.reason() + ": " + none.remedy());
    };
  }
}
