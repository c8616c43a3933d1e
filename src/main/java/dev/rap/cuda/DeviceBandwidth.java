package dev.rap.cuda;

/** How fast a kernel that does nothing else reads device memory. */
final class DeviceBandwidth {
  private static final long BUFFER_BYTES = 1L << 30;
  private static final int PASSES = 10;
  private static final byte PATTERN = 1;

  private DeviceBandwidth() {}

  /** {@return bytes a second of the fastest pass} */
  static double measure(CudaBackend.Parts parts) {
    CudaDevice device = parts.device();
    CudaStream stream = parts.stream();
    long bytes = Math.min(BUFFER_BYTES, device.memoryInfo().free() / 4) / 4096 * 4096;
    try (DeviceMemory buffer = device.allocate(bytes, MemoryOwner.WORKSPACE);
        DeviceMemory sink = device.allocate(4096, MemoryOwner.WORKSPACE);
        CudaEvent begin = device.newEvent();
        CudaEvent end = device.newEvent()) {
      stream.fill(buffer, 0, PATTERN, bytes);
      double best = Double.POSITIVE_INFINITY;
      for (int pass = 0; pass < PASSES; pass++) {
        stream.record(begin);
        parts.kernels().read(stream.handle(), buffer.address(), bytes, sink.address());
        stream.record(end);
        end.await();
        best = Math.min(best, end.millisecondsSince(begin) / 1e3);
      }
      return bytes / best;
    }
  }
}
