package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A driver over host memory, whose addresses are real: what is queued is done at once, or at each
 * launch of the graph that captures it. What the driver would answer with a crash or with nothing
 * at all is an {@link AssertionError}: unknown handles, addresses outside of allocations, freeing
 * twice, threads without the context.
 */
final class FakeDriver implements CudaDriver {
  private final long totalBytes;
  private final long contextBytes;
  private final Map<String, Integer> calls = new HashMap<>();
  private final Map<String, RuntimeException> failures = new HashMap<>();
  private final Set<Thread> attached = ConcurrentHashMap.newKeySet();
  private final FakeMemory device = new FakeMemory("device memory");
  private final FakeMemory pinned = new FakeMemory("pinned memory");
  private final Map<Long, Recording> streams = new HashMap<>();
  private final Map<Long, List<Work>> graphs = new HashMap<>();
  private final Map<Long, Long> events = new HashMap<>();
  private long lastHandle = 0xF00;
  private long othersBytes;
  private boolean seesProcess;
  private boolean closed;
  private volatile String contextLost;

  private record Work(Runnable run, boolean isKernel) {}

  /** What a stream captures; {@code work} is null where it does not. */
  private record Recording(List<Work> work) {}

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
    failures.put(method + (calls(method) + nth), failure);
  }

  /** Makes all later calls fail, as after a fault of a kernel. */
  void loseContext() {
    contextLost =
        CudaStatus.failure("waiting for a stream", CudaStatus.ILLEGAL_ADDRESS, "an illegal address")
            .getMessage();
  }

  /** {@return how often a method was called} */
  synchronized int calls(String method) {
    return calls.getOrDefault(method, 0);
  }

  /** {@return what has not been given back} */
  synchronized List<String> leaks() {
    List<String> leaks = new ArrayList<>();
    leaks.addAll(device.leaks());
    leaks.addAll(pinned.leaks());
    streams.forEach((handle, recording) -> leaks.add("stream"));
    graphs.forEach((handle, work) -> leaks.add("graph"));
    events.forEach((handle, time) -> leaks.add("event"));
    if (!closed) {
      leaks.add("context");
    }
    return leaks;
  }

  /** Queues what stands for a kernel. */
  synchronized void queue(long stream, Runnable kernel) {
    enter("queue");
    queue(stream, kernel, true);
  }

  private void queue(long stream, Runnable work, boolean isKernel) {
    List<Work> recording = known(streams, stream, "stream").work();
    if (recording == null) {
      work.run();
    } else {
      recording.add(new Work(work, isKernel));
    }
  }

  /** {@return device memory, for what stands for kernels} */
  synchronized MemorySegment memory(long address, long bytes) {
    return device.at(address, bytes);
  }

  @Override
  public void attach() {
    attached.add(Thread.currentThread());
    enter("attach");
  }

  private void enter(String method) {
    if (closed || !attached.contains(Thread.currentThread())) {
      throw new AssertionError(method + " without a context");
    }
    int nth = calls.merge(method, 1, Integer::sum);
    if (contextLost != null) {
      throw new CudaException(contextLost, true);
    }
    RuntimeException failure = failures.remove(method + nth);
    if (failure != null) {
      throw failure;
    }
  }

  private void enterOutsideOfCapture(String method) {
    enter(method);
    if (streams.values().stream().anyMatch(recording -> recording.work() != null)) {
      throw CudaStatus.failure(
          method, CudaStatus.STREAM_CAPTURE_UNSUPPORTED, "not permitted when stream is capturing");
    }
  }

  private static <T> T known(Map<Long, T> things, long handle, String kind) {
    T thing = things.get(handle);
    if (thing == null) {
      throw new AssertionError("there is no %s 0x%x".formatted(kind, handle));
    }
    return thing;
  }

  @Override
  public DeviceFacts facts() {
    return new DeviceFacts("Fake GPU", 9, 0, 13_000, 1, totalBytes, "GPU-0");
  }

  @Override
  public boolean contextLost() {
    return contextLost != null;
  }

  @Override
  public synchronized MemoryInfo memoryInfo() {
    enter("memoryInfo");
    return new MemoryInfo(freeBytes(), totalBytes);
  }

  private long freeBytes() {
    return totalBytes - contextBytes - othersBytes - device.bytes();
  }

  @Override
  public long contextBytes() {
    return contextBytes;
  }

  @Override
  public synchronized OptionalLong processBytes() {
    return seesProcess ? OptionalLong.of(contextBytes + device.bytes()) : OptionalLong.empty();
  }

  @Override
  public synchronized long allocate(long bytes) {
    enterOutsideOfCapture("allocate");
    if (bytes > freeBytes()) {
      throw DeviceOutOfMemoryException.of(
          "an allocation", bytes, new MemoryInfo(freeBytes(), totalBytes));
    }
    return device.allocate(bytes).address();
  }

  @Override
  public synchronized void free(long address) {
    enterOutsideOfCapture("free");
    device.free(address);
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
    enter("fill");
    queue(stream, () -> memory(address, bytes).fill(value), false);
  }

  @Override
  public synchronized void upload(long stream, long to, MemorySegment from, long bytes) {
    enter("upload");
    queue(stream, () -> memory(to, bytes).copyFrom(from.asSlice(0, bytes)), false);
  }

  @Override
  public synchronized void download(long stream, MemorySegment to, long from, long bytes) {
    enter("download");
    queue(stream, () -> to.asSlice(0, bytes).copyFrom(memory(from, bytes)), false);
  }

  @Override
  public synchronized void copy(long stream, long to, long from, long bytes) {
    enter("copy");
    queue(stream, () -> memory(to, bytes).copyFrom(memory(from, bytes)), false);
  }

  @Override
  public synchronized long newStream() {
    enter("newStream");
    streams.put(++lastHandle, new Recording(null));
    return lastHandle;
  }

  @Override
  public synchronized void closeStream(long stream) {
    enter("closeStream");
    known(streams, stream, "stream");
    streams.remove(stream);
  }

  @Override
  public synchronized void synchronize(long stream) {
    enterOutsideOfCapture("synchronize");
    known(streams, stream, "stream");
  }

  @Override
  public synchronized long newEvent() {
    enter("newEvent");
    events.put(++lastHandle, 0L);
    return lastHandle;
  }

  @Override
  public synchronized void closeEvent(long event) {
    enter("closeEvent");
    known(events, event, "event");
    events.remove(event);
  }

  @Override
  public synchronized void record(long event, long stream) {
    enter("record");
    known(events, event, "event");
    queue(stream, () -> events.put(event, System.nanoTime()), false);
  }

  @Override
  public synchronized void await(long event) {
    enter("await");
    known(events, event, "event");
  }

  @Override
  public synchronized boolean reached(long event) {
    enter("reached");
    known(events, event, "event");
    return true;
  }

  @Override
  public synchronized void order(long stream, long event) {
    enter("order");
    known(streams, stream, "stream");
    known(events, event, "event");
  }

  @Override
  public synchronized float milliseconds(long begin, long end) {
    enter("milliseconds");
    return (known(events, end, "event") - known(events, begin, "event")) / 1e6f;
  }

  @Override
  public synchronized void beginCapture(long stream) {
    enterOutsideOfCapture("beginCapture");
    known(streams, stream, "stream");
    streams.put(stream, new Recording(new ArrayList<>()));
  }

  @Override
  public synchronized long endCapture(long stream) {
    enter("endCapture");
    List<Work> work = known(streams, stream, "stream").work();
    if (work == null) {
      throw new AssertionError("the stream does not capture");
    }
    streams.put(stream, new Recording(null));
    graphs.put(++lastHandle, List.copyOf(work));
    return lastHandle;
  }

  @Override
  public synchronized int kernels(long graph) {
    return (int) known(graphs, graph, "graph").stream().filter(Work::isKernel).count();
  }

  @Override
  public synchronized void launch(long graph, long stream) {
    enter("launch");
    known(graphs, graph, "graph").forEach(work -> queue(stream, work.run(), work.isKernel()));
  }

  @Override
  public synchronized void closeGraph(long graph) {
    enter("closeGraph");
    known(graphs, graph, "graph");
    graphs.remove(graph);
  }

  @Override
  public synchronized void close() {
    enter("close");
    closed = true;
  }
}
