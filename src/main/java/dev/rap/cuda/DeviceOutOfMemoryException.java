package dev.rap.cuda;

import dev.rap.Bytes;

/**
 * The device has no room for an allocation, or cannot put it at its addresses: who asked goes on
 * without, and may ask again. The message has the arithmetic.
 */
public final class DeviceOutOfMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DeviceOutOfMemoryException(String message) {
    super(message);
  }

  private DeviceOutOfMemoryException(String message, CudaException cause) {
    super(message, cause);
  }

  /** {@return that pages are there, but that the driver cannot map them} */
  static DeviceOutOfMemoryException of(long bytes, CudaException cause) {
    return new DeviceOutOfMemoryException(
        "the GPU has %s that it cannot use: %s".formatted(Bytes.text(bytes), cause.getMessage()),
        cause);
  }

  /**
   * @param what asks for the memory, such as {@code an allocation}
   */
  static DeviceOutOfMemoryException of(String what, long bytes, CudaDriver.MemoryInfo memory) {
    return new DeviceOutOfMemoryException(
        "the GPU has no room for %s of %s: %s of its %s are free"
            .formatted(
                what, Bytes.text(bytes), Bytes.text(memory.free()), Bytes.text(memory.total())));
  }
}
