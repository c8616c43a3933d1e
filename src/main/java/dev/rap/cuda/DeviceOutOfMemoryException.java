package dev.rap.cuda;

/** The device has no room for an allocation. The message has the arithmetic. */
public final class DeviceOutOfMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DeviceOutOfMemoryException(String message) {
    super(message);
  }
}
