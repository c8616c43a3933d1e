package dev.rap.cuda;

/** The driver, cuBLAS or a kernel refused. The message says who, what for, and why. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final boolean contextLost;

  CudaException(String message) {
    this(message, false);
  }

  CudaException(String message, boolean contextLost) {
    super(message);
    this.contextLost = contextLost;
  }

  /** {@return whether nothing can be done on the GPU any more by this process} */
  public boolean contextLost() {
    return contextLost;
  }
}
