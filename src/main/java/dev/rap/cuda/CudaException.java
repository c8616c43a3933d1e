package dev.rap.cuda;

/** The driver, cuBLAS or a kernel refused. The message says who, what for, and why. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  CudaException(String message) {
    super(message);
  }
}
