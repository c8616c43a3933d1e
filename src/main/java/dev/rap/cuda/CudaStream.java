package dev.rap.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Work for the device, done in order. All but {@link #synchronize} queue and return, and throw
 * {@link CudaException} if the driver refuses; a fault of earlier work may show at any later call.
 */
public final class CudaStream extends DeviceResource {
  private final long handle;

  CudaStream(CudaDevice device, long handle) {
    super(device);
    this.handle = handle;
  }

  /** {@return the {@code CUstream}, for kernels} */
  long handle() {
    requireUsable();
    return handle;
  }

  /**
   * Copies the first {@code bytes} bytes of {@code from}. Those of {@link PinnedMemory} must stay
   * as they are until the copy is done; others have been read when this returns.
   */
  public void upload(DeviceMemory to, long toOffset, MemorySegment from, long bytes) {
    requireHost("from", from, bytes);
    driver().upload(handle, to.address(toOffset, bytes), from, bytes);
  }

  /** Copies into the first {@code bytes} bytes of {@code to}, which are there once that is done. */
  public void download(MemorySegment to, DeviceMemory from, long fromOffset, long bytes) {
    requireHost("to", to, bytes);
    driver().download(handle, to, from.address(fromOffset, bytes), bytes);
  }

  /** Copies on the device, between ranges that do not overlap. */
  public void copy(DeviceMemory to, long toOffset, DeviceMemory from, long fromOffset, long bytes) {
    driver().copy(handle, to.address(toOffset, bytes), from.address(fromOffset, bytes), bytes);
  }

  /** Sets {@code bytes} bytes to {@code value}. */
  public void fill(DeviceMemory memory, long offset, byte value, long bytes) {
    driver().fill(handle, memory.address(offset, bytes), value, bytes);
  }

  private static void requireHost(String name, MemorySegment segment, long bytes) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException(name + " must be native memory, was a Java array");
    }
    if (bytes < 0 || bytes > segment.byteSize()) {
      throw new IndexOutOfBoundsException(
          "%s has %d bytes, not %d".formatted(name, segment.byteSize(), bytes));
    }
  }

  /** Waits until all work is done. */
  public void synchronize() {
    driver().synchronize(handle);
  }

  /** Puts {@code event} after the work so far. */
  public void record(CudaEvent event) {
    driver().record(event.handle(), handle);
  }

  /** Makes later work wait for {@code event}, without the host. */
  public void waitFor(CudaEvent event) {
    driver().order(handle, event.handle());
  }

  /**
   * {@return what {@code work} queues on this stream, which is not run}
   *
   * <p>{@code work} must not wait for the device, nor allocate or free its memory.
   */
  public CudaGraph capture(Runnable work) {
    driver().beginCapture(handle);
    try {
      work.run();
    } catch (RuntimeException | Error e) {
      abandonCapture(e);
      throw e;
    }
    long graph = driver().endCapture(handle);
    return new CudaGraph(device(), graph, driver().kernels(graph));
  }

  private void abandonCapture(Throwable cause) {
    try {
      driver().closeGraph(driver().endCapture(handle));
    } catch (CudaException e) {
      cause.addSuppressed(e); // what made the work fail may have ended the capture too
    }
  }

  /** Queues all work of {@code graph}. */
  public void launch(CudaGraph graph) {
    driver().launch(graph.handle(), handle);
  }

  @Override
  String kind() {
    return "CUDA stream";
  }

  @Override
  void release(CudaDriver driver) {
    driver.closeStream(handle);
  }
}
