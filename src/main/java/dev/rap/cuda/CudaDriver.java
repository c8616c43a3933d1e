package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;

/**
 * What RAP needs of the CUDA driver, for one device, memory and objects by handle. Every method
 * throws {@link CudaException} where the driver refuses; {@link #allocate} and {@link #newPage}
 * throw {@link DeviceOutOfMemoryException} where it has no room.
 */
interface CudaDriver {
  /** Makes the device's primary context current on the calling thread. */
  void attach();

  DeviceFacts facts();

  /** {@return whether a fault was seen after which every call fails; for any thread} */
  boolean contextLost();

  /** {@return free and total bytes of the device} */
  MemoryInfo memoryInfo();

  /** Free and total bytes. */
  record MemoryInfo(long free, long total) {}

  /** {@return bytes that the context took of the device; 0 where that could not be seen} */
  long contextBytes();

  /** {@return bytes of the device that this process has; empty where that cannot be seen} */
  OptionalLong processBytes();

  long allocate(long bytes);

  void free(long address);

  /** {@return the bytes of which a page has a multiple} */
  long pageGranularity();

  /** {@return {@code bytes} bytes of address space, whole pages, behind which there is nothing} */
  long reserve(long bytes);

  /** Gives address space back, in which nothing is mapped. */
  void unreserve(long address, long bytes);

  /** {@return a page of physical memory; its content is undefined} */
  long newPage(long bytes);

  /** Gives a page back, which is not mapped. */
  void closePage(long page);

  /**
   * Puts {@code pages[first]} to {@code pages[first + count - 1]}, of {@code bytes} each, behind
   * reserved addresses: all of them, or none if it throws.
   */
  void map(long address, long[] pages, int first, int count, long bytes);

  /** Takes the pages behind {@code bytes} bytes away. Does not wait for what the device does. */
  void unmap(long address, long bytes);

  /** {@return page-locked host memory, until it is freed} */
  MemorySegment allocatePinned(long bytes);

  void freePinned(MemorySegment memory);

  /** Fills {@code bytes} bytes with {@code value}. */
  void fill(long stream, long address, byte value, long bytes);

  /** Copies from host to device; asynchronous where {@code from} is pinned. */
  void upload(long stream, long to, MemorySegment from, long bytes);

  void download(long stream, MemorySegment to, long from, long bytes);

  void copy(long stream, long to, long from, long bytes);

  long newStream();

  void closeStream(long stream);

  void synchronize(long stream);

  long newEvent();

  void closeEvent(long event);

  void record(long event, long stream);

  void await(long event);

  /** {@return whether everything before the event is done} */
  boolean reached(long event);

  /** Makes {@code stream} wait for {@code event}, without the host. */
  void order(long stream, long event);

  float milliseconds(long begin, long end);

  void beginCapture(long stream);

  /** {@return an executable graph of what was queued since {@link #beginCapture}} */
  long endCapture(long stream);

  /** {@return nodes of the graph that are kernels} */
  int kernels(long graph);

  void launch(long graph, long stream);

  void closeGraph(long graph);

  /** Gives the context back. */
  void close();
}
