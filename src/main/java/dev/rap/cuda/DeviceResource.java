package dev.rap.cuda;

import dev.rap.Bytes;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * One thing of a {@link CudaDevice}, with a lifetime. Using it after it was closed, closing it
 * twice, and either from another thread than the device's is an {@link IllegalStateException}.
 */
abstract sealed class DeviceResource implements AutoCloseable
    permits DeviceMemory, PinnedMemory, CudaStream, CudaEvent, CudaGraph, MemoryTracker, PagePool {
  private final CudaDevice device;
  private boolean closed;

  DeviceResource(CudaDevice device) {
    this.device = device;
    device.add(this);
  }

  final CudaDevice device() {
    return device;
  }

  /** {@return the driver, if this may be used now by this thread} */
  final CudaDriver driver() {
    requireUsable();
    return device.driver();
  }

  final void requireUsable() {
    device.requireThread();
    if (closed) {
      throw new IllegalStateException("the %s is closed".formatted(description()));
    }
  }

  /** {@return what it is, such as {@code CUDA stream}} */
  abstract String kind();

  /** {@return bytes of memory, or 0 if it is something else} */
  long byteSize() {
    return 0;
  }

  private String description() {
    return byteSize() == 0 ? kind() : "%s (%s)".formatted(kind(), Bytes.text(byteSize()));
  }

  /** {@return such as {@code 2 x device memory for KV (1.20 GB), 1 x CUDA stream}} */
  static String listOf(Collection<DeviceResource> resources) {
    return resources.stream()
        .collect(Collectors.groupingBy(DeviceResource::kind, TreeMap::new, Collectors.toList()))
        .values()
        .stream()
        .map(DeviceResource::summaryOf)
        .collect(Collectors.joining(", "));
  }

  private static String summaryOf(List<DeviceResource> alike) {
    long bytes = alike.stream().mapToLong(DeviceResource::byteSize).sum();
    String size = bytes == 0 ? "" : " (%s)".formatted(Bytes.text(bytes));
    return "%d x %s%s".formatted(alike.size(), alike.getFirst().kind(), size);
  }

  /** Gives it back to the driver. */
  abstract void release(CudaDriver driver);

  @Override
  public final void close() {
    requireUsable();
    closed = true;
    device.remove(this);
    device.unlessLost(() -> release(device.driver()));
  }
}
