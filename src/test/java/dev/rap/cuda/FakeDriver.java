package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A driver over host memory, whose addresses are real: what is queued is done at once, or at each
 * launch of the graph that captures it. What the driver would answer with a crash or with nothing
 * at all is an {@link AssertionError}: unknown handles, addresses outside of allocations, freeing
 * twice, threads without the context.
 */
final class FakeDriver implements CudaDriver {
  private final long totalBytes;
  private final long contextBytes;
  private final FakeCalls calls = new FakeCalls();
  private final FakeMemory device = new FakeMemory("device memory");
  private final FakePages pages = new FakePages();
  private final FakeMemory pinned = new FakeMemory("pinned memory");
  private final FakeStreams streams = new FakeStreams();
  private final Map<Long, Long> events = new HashMap<>();
  private long lastHandle = 0xF00;
  private long othersBytes;
  private long growth;
  private boolean seesProcess;

  /** A device of a gigabyte that is all ours. */
  FakeDriver() {
    this(1 << 30, 0);
  }

  /**
   * @param contextBytes what the context takes of the device
   */
  FakeDriver(long totalBytes, long contextBytes) {
    this.totalBytes = totalBytes;
    this.contextBytes = contextBytes;
  }

  /** Lets other processes take this much of the device. */
  synchronized void setOthersBytes(long bytes) {
    othersBytes = bytes;
  }

  /** Lets CUDA take this much of the device for itself, beside the context. */
  synchronized void growContext(long bytes) {
    growth += bytes;
  }

  /** Lets NVML show this process. */
  synchronized void showProcess() {
    seesProcess = true;
  }

  /**
   * Makes a call fail.
   *
   * @param method its name
   * @param nth 1 for the next
   */
  synchronized void fail(String method, int nth, RuntimeException failure) {
    calls.fail(method, nth, failure);
  }

  /** Takes back what {@link #fail} said of calls that have not come. */
  synchronized void forgive() {
    calls.forgive();
  }

  /** Makes all later calls fail, as after a fault of a kernel. */
  void loseContext() {
    calls.loseContext();
  }

  /** {@return how often a method was called} */
  synchronized int calls(String method) {
    return calls.count(method);
  }

  /** {@return what has not been given back} */
  synchronized List<String> leaks() {
    List<String> leaks = new ArrayList<>();
    leaks.addAll(device.leaks());
    leaks.addAll(pages.leaks());
    leaks.addAll(pinned.leaks());
    leaks.addAll(streams.leaks());
    events.forEach((handle, time) -> leaks.add("event"));
    if (!calls.closed()) {
      leaks.add("context");
    }
    return leaks;
  }

  /** Queues what stands for a kernel. */
  synchronized void queue(long stream, Runnable kernel) {
    calls.enter("queue");
    streams.queue(stream, kernel, true);
  }

  /** {@return device memory from {@code address} on, NULL for 0, for what stands for kernels} */
  synchronized MemorySegment from(long address) {
    return address == 0
        ? MemorySegment.NULL
        : pages.from(address).orElseGet(() -> device.from(address));
  }

  /** {@return device memory, for what stands for kernels} */
  synchronized MemorySegment memory(long address, long bytes) {
    return pages
        .from(address)
        .map(there -> there.asSlice(0, bytes))
        .orElseGet(() -> device.at(address, bytes));
  }

  @Override
  public synchronized void attach() {
    calls.attach();
  }

  private void enterOutsideOfCapture(String method) {
    calls.enter(method);
    if (streams.isCapturing()) {
      throw CudaStatus.failure(
          method, CudaStatus.STREAM_CAPTURE_UNSUPPORTED, "not permitted when stream is capturing");
    }
  }

  private long timeOf(long event) {
    return FakeStreams.known(events, event, "event");
  }

  @Override
  public DeviceFacts facts() {
    return new DeviceFacts("Fake GPU", 9, 0, 13_000, 1, totalBytes, "GPU-0");
  }

  @Override
  public boolean contextLost() {
    return calls.contextLost();
  }

  @Override
  public synchronized MemoryInfo memoryInfo() {
    calls.enter("memoryInfo");
    return new MemoryInfo(freeBytes(), totalBytes);
  }

  private long freeBytes() {
    return totalBytes - contextBytes - growth - othersBytes - ownBytes();
  }

  private long ownBytes() {
    return device.bytes() + pages.bytes();
  }

  @Override
  public long contextBytes() {
    return contextBytes;
  }

  @Override
  public synchronized OptionalLong processBytes() {
    return seesProcess ? OptionalLong.of(contextBytes + growth + ownBytes()) : OptionalLong.empty();
  }

  @Override
  public synchronized long allocate(long bytes) {
    enterOutsideOfCapture("allocate");
    if (bytes > freeBytes()) {
      throw DeviceOutOfMemoryException.of(
          "an allocation", bytes, new MemoryInfo(Math.max(0, freeBytes()), totalBytes));
    }
    return device.allocate(bytes).address();
  }

  @Override
  public synchronized void free(long address) {
    enterOutsideOfCapture("free");
    device.free(address);
  }

  @Override
  public long pageGranularity() {
    return FakePages.PAGE_BYTES;
  }

  @Override
  public synchronized long reserve(long bytes) {
    enterOutsideOfCapture("reserve");
    return pages.reserve(bytes);
  }

  @Override
  public synchronized void unreserve(long address, long bytes) {
    enterOutsideOfCapture("unreserve");
    pages.unreserve(address, bytes);
  }

  @Override
  public synchronized long newPage(long bytes) {
    enterOutsideOfCapture("newPage");
    if (bytes > freeBytes()) {
      throw DeviceOutOfMemoryException.of(
          "a page", bytes, new MemoryInfo(Math.max(0, freeBytes()), totalBytes));
    }
    return pages.newPage(bytes);
  }

  @Override
  public synchronized void closePage(long page) {
    enterOutsideOfCapture("closePage");
    pages.closePage(page);
  }

  @Override
  public synchronized void map(long address, long[] mapped, int first, int count, long bytes) {
    enterOutsideOfCapture("map");
    for (int i = 0; i < count; i++) {
      pages.map(address + i * bytes, mapped[first + i], bytes);
    }
  }

  @Override
  public synchronized void unmap(long address, long bytes) {
    enterOutsideOfCapture("unmap");
    pages.unmap(address, bytes);
  }

  @Override
  public synchronized MemorySegment allocatePinned(long bytes) {
    enterOutsideOfCapture("allocatePinned");
    return pinned.allocate(bytes);
  }

  @Override
  public synchronized void freePinned(MemorySegment memory) {
    enterOutsideOfCapture("freePinned");
    pinned.free(memory.address());
  }

  @Override
  public synchronized void fill(long stream, long address, byte value, long bytes) {
    calls.enter("fill");
    streams.queue(stream, () -> memory(address, bytes).fill(value), false);
  }

  @Override
  public synchronized void upload(long stream, long to, MemorySegment from, long bytes) {
    calls.enter("upload");
    streams.queue(stream, () -> memory(to, bytes).copyFrom(from.asSlice(0, bytes)), false);
  }

  @Override
  public synchronized void download(long stream, MemorySegment to, long from, long bytes) {
    calls.enter("download");
    streams.queue(stream, () -> to.asSlice(0, bytes).copyFrom(memory(from, bytes)), false);
  }

  @Override
  public synchronized void copy(long stream, long to, long from, long bytes) {
    calls.enter("copy");
    streams.queue(stream, () -> memory(to, bytes).copyFrom(memory(from, bytes)), false);
  }

  @Override
  public synchronized long newStream() {
    calls.enter("newStream");
    streams.add(++lastHandle);
    return lastHandle;
  }

  @Override
  public synchronized void closeStream(long stream) {
    calls.enter("closeStream");
    streams.remove(stream);
  }

  @Override
  public synchronized void synchronize(long stream) {
    enterOutsideOfCapture("synchronize");
    streams.require(stream);
  }

  @Override
  public synchronized long newEvent() {
    calls.enter("newEvent");
    events.put(++lastHandle, 0L);
    return lastHandle;
  }

  @Override
  public synchronized void closeEvent(long event) {
    calls.enter("closeEvent");
    timeOf(event);
    events.remove(event);
  }

  @Override
  public synchronized void record(long event, long stream) {
    calls.enter("record");
    timeOf(event);
    streams.queue(stream, () -> events.put(event, System.nanoTime()), false);
  }

  @Override
  public synchronized void await(long event) {
    calls.enter("await");
    timeOf(event);
  }

  @Override
  public synchronized boolean reached(long event) {
    calls.enter("reached");
    timeOf(event);
    return true;
  }

  @Override
  public synchronized void order(long stream, long event) {
    calls.enter("order");
    streams.require(stream);
    timeOf(event);
  }

  @Override
  public synchronized float milliseconds(long begin, long end) {
    calls.enter("milliseconds");
    return (timeOf(end) - timeOf(begin)) / 1e6f;
  }

  @Override
  public synchronized void beginCapture(long stream) {
    enterOutsideOfCapture("beginCapture");
    streams.beginCapture(stream);
  }

  @Override
  public synchronized long endCapture(long stream) {
    calls.enter("endCapture");
    streams.endCapture(stream, ++lastHandle);
    return lastHandle;
  }

  @Override
  public synchronized int kernels(long graph) {
    return streams.kernels(graph);
  }

  @Override
  public synchronized void launch(long graph, long stream) {
    calls.enter("launch");
    streams.launch(graph, stream);
  }

  @Override
  public synchronized void closeGraph(long graph) {
    calls.enter("closeGraph");
    streams.removeGraph(graph);
  }

  @Override
  public synchronized void close() {
    calls.enter("close");
    calls.close();
  }
}
