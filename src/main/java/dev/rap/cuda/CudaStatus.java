package dev.rap.cuda;

import java.util.Set;

/** What calls to CUDA return: the numbers of {@code CUresult}, which are {@code cudaError_t}'s. */
final class CudaStatus {
  static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;
  static final int STUB_LIBRARY = 34;
  static final int DEVICE_UNAVAILABLE = 46;
  static final int NO_DEVICE = 100;
  static final int INVALID_DEVICE = 101;
  static final int NOT_READY = 600;
  static final int ILLEGAL_ADDRESS = 700;
  static final int SYSTEM_NOT_READY = 802;
  static final int SYSTEM_DRIVER_MISMATCH = 803;
  static final int COMPAT_NOT_SUPPORTED_ON_DEVICE = 804;
  static final int STREAM_CAPTURE_UNSUPPORTED = 900;

  // Those after which, as cuda.h says, the process must be terminated and started again, and
  // uncorrectable errors of memory (214) and links (220), a destroyed context (709) and a failed
  // assertion (710).
  private static final Set<Integer> FATAL =
      Set.of(
          214,
          220,
          226,
          ILLEGAL_ADDRESS,
          702,
          709,
          710,
          714,
          715,
          716,
          717,
          718,
          719,
          721,
          810,
          911);

  private CudaStatus() {}

  /** {@return whether every later call will fail too} */
  static boolean losesContext(int status) {
    return FATAL.contains(status);
  }

  /**
   * {@return the exception for a status}
   *
   * @param what was attempted, such as {@code waiting for a stream}
   * @param text what the status means, and its name
   */
  static CudaException failure(String what, int status, String text) {
    if (losesContext(status)) {
      return new CudaException(
          "the GPU context is lost after %s in %s: restart the process".formatted(text, what),
          true);
    }
    return new CudaException("%s failed: %s".formatted(what, text));
  }
}
