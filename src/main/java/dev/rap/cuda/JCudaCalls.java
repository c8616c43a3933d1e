package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static jcuda.driver.JCudaDriver.CU_MEMHOSTALLOC_PORTABLE;

import dev.rap.Bytes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUgraphNodeType;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/**
 * The driver through JCuda, whose exceptions are off: each status is looked at here. Handles are
 * the driver's own, so that kernels can take them.
 */
final class JCudaCalls implements CudaDriver {
  private final CUdevice device;
  private final DeviceFacts facts;
  private final OwnMemory ownMemory;
  private final CUcontext context = new CUcontext();
  private final HandleTable<JCudaObjects.Stream> streams = new HandleTable<>("stream");
  private final HandleTable<JCudaObjects.Event> events = new HandleTable<>("event");
  private final HandleTable<JCudaObjects.Graph> graphs = new HandleTable<>("graph");

  private final CudaPages pages;

  // What the first fault said: the driver's word for all that fails later is the same and misleads.
  private volatile String contextLost;

  /**
   * Takes the primary context and makes it current on this thread.
   *
   * @throws CudaException if the driver refuses
   */
  JCudaCalls(CUdevice device, DeviceFacts facts) {
    this.device = device;
    this.facts = facts;
    OwnMemory.Beginning beginning = OwnMemory.before(facts);
    check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "making a context");
    attach();
    this.pages = new CudaPages(0); // the only device that is ever opened
    this.ownMemory = beginning.after();
  }

  @Override
  public void attach() {
    check(JCudaDriver.cuCtxSetCurrent(context), "entering the GPU's context");
  }

  @Override
  public DeviceFacts facts() {
    return facts;
  }

  @Override
  public boolean contextLost() {
    return contextLost != null;
  }

  @Override
  public MemoryInfo memoryInfo() {
    long[] free = new long[1];
    long[] total = new long[1];
    check(JCudaDriver.cuMemGetInfo(free, total), "asking for free memory");
    return new MemoryInfo(free[0], total[0]);
  }

  @Override
  public long contextBytes() {
    return ownMemory.contextBytes();
  }

  @Override
  public OptionalLong processBytes() {
    return ownMemory.processBytes();
  }

  @Override
  public long allocate(long bytes) {
    JCudaObjects.DevicePointer pointer = new JCudaObjects.DevicePointer();
    int status = JCudaDriver.cuMemAlloc(pointer, bytes);
    if (status == CudaStatus.OUT_OF_MEMORY) {
      throw DeviceOutOfMemoryException.of("an allocation", bytes, memoryInfo());
    }
    check(status, "allocating device memory");
    return pointer.address();
  }

  @Override
  public void free(long address) {
    check(JCudaDriver.cuMemFree(new JCudaObjects.DevicePointer(address)), "freeing device memory");
  }

  @Override
  public long pageGranularity() {
    return pages.granularity();
  }

  @Override
  public long reserve(long bytes) {
    check(pages.reserve(bytes), "reserving address space");
    return pages.result();
  }

  @Override
  public void unreserve(long address, long bytes) {
    check(pages.unreserve(address, bytes), "giving address space back");
  }

  @Override
  public long newPage(long bytes) {
    int status = pages.create(bytes);
    if (status == CudaStatus.OUT_OF_MEMORY) {
      throw DeviceOutOfMemoryException.of("a page", bytes, memoryInfo());
    }
    check(status, "making a page of device memory");
    return pages.result();
  }

  @Override
  public void closePage(long page) {
    check(pages.release(page), "giving a page of device memory back");
  }

  @Override
  public void map(long address, long[] handles, int first, int count, long bytes) {
    int mapped = 0;
    try {
      for (; mapped < count; mapped++) {
        long at = address + mapped * bytes;
        check(pages.map(at, handles[first + mapped], bytes), "mapping device memory");
      }
      check(pages.allow(address, count * bytes), "making mapped device memory usable");
    } catch (CudaException e) {
      if (mapped > 0 && !e.contextLost()) {
        unmap(address, mapped * bytes);
      }
      throw e;
    }
  }

  @Override
  public void unmap(long address, long bytes) {
    check(pages.unmap(address, bytes), "unmapping device memory");
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    JCudaObjects.AddressPointer pointer = new JCudaObjects.AddressPointer(0);
    int status = JCudaDriver.cuMemHostAlloc(pointer, bytes, CU_MEMHOSTALLOC_PORTABLE);
    if (status != CudaStatus.SUCCESS) {
      throw failure(status, "pinning %s of host memory".formatted(Bytes.text(bytes)));
    }
    return segment(pointer.address(), bytes);
  }

  @SuppressWarnings("restricted") // the driver gave this many bytes
  private static MemorySegment segment(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  @Override
  public void freePinned(MemorySegment memory) {
    check(
        JCudaDriver.cuMemFreeHost(new JCudaObjects.AddressPointer(memory.address())),
        "freeing pinned memory");
  }

  @Override
  public void fill(long stream, long address, byte value, long bytes) {
    check(LibCuda.fill(address, value, bytes, stream), "filling device memory");
  }

  @Override
  public void upload(long stream, long to, MemorySegment from, long bytes) {
    check(LibCuda.upload(to, from, bytes, stream), "copying to the device");
  }

  @Override
  public void download(long stream, MemorySegment to, long from, long bytes) {
    check(LibCuda.download(to, from, bytes, stream), "copying from the device");
  }

  @Override
  public void copy(long stream, long to, long from, long bytes) {
    check(LibCuda.copy(to, from, bytes, stream), "copying on the device");
  }

  @Override
  public long newStream() {
    JCudaObjects.Stream stream = new JCudaObjects.Stream();
    // What cudart does on the default stream must not wait for ours.
    check(
        JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING),
        "making a stream");
    streams.put(stream.handle(), stream);
    return stream.handle();
  }

  /** {@return JCuda's object for a stream} */
  CUstream stream(long handle) {
    return streams.get(handle);
  }

  @Override
  public void closeStream(long stream) {
    check(JCudaDriver.cuStreamDestroy(streams.remove(stream)), "closing a stream");
  }

  @Override
  public void synchronize(long stream) {
    check(JCudaDriver.cuStreamSynchronize(streams.get(stream)), "waiting for a stream");
  }

  @Override
  public long newEvent() {
    JCudaObjects.Event event = new JCudaObjects.Event();
    check(JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DEFAULT), "making an event");
    events.put(event.handle(), event);
    return event.handle();
  }

  @Override
  public void closeEvent(long event) {
    check(JCudaDriver.cuEventDestroy(events.remove(event)), "closing an event");
  }

  @Override
  public void record(long event, long stream) {
    check(JCudaDriver.cuEventRecord(events.get(event), streams.get(stream)), "recording an event");
  }

  @Override
  public void await(long event) {
    check(JCudaDriver.cuEventSynchronize(events.get(event)), "waiting for an event");
  }

  @Override
  public boolean reached(long event) {
    int status = JCudaDriver.cuEventQuery(events.get(event));
    if (status == CudaStatus.NOT_READY) {
      return false;
    }
    check(status, "asking for an event");
    return true;
  }

  @Override
  public void order(long stream, long event) {
    check(
        JCudaDriver.cuStreamWaitEvent(streams.get(stream), events.get(event), 0),
        "ordering a stream after an event");
  }

  @Override
  public float milliseconds(long begin, long end) {
    float[] time = new float[1];
    check(
        JCudaDriver.cuEventElapsedTime(time, events.get(begin), events.get(end)),
        "measuring the time between events");
    return time[0];
  }

  @Override
  public void beginCapture(long stream) {
    // Other threads go on allocating meanwhile: the mode is this thread's alone.
    check(
        JCudaDriver.cuStreamBeginCapture(
            streams.get(stream), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "beginning to capture a CUDA graph");
  }

  @Override
  public long endCapture(long stream) {
    JCudaObjects.Captured captured = new JCudaObjects.Captured();
    check(JCudaDriver.cuStreamEndCapture(streams.get(stream), captured), "capturing a CUDA graph");
    try {
      JCudaObjects.Graph graph = new JCudaObjects.Graph(countKernels(captured.handle()));
      check(JCudaDriver.cuGraphInstantiate(graph, captured, 0), "making a CUDA graph executable");
      graphs.put(graph.handle(), graph);
      return graph.handle();
    } finally {
      check(JCudaDriver.cuGraphDestroy(captured), "closing a captured CUDA graph");
    }
  }

  private int countKernels(long graph) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      String counting = "counting the nodes of a CUDA graph";
      check(LibCuda.graphNodes(graph, MemorySegment.NULL, count), counting);
      MemorySegment nodes = arena.allocate(JAVA_LONG, Math.max(1, count.get(JAVA_LONG, 0)));
      check(LibCuda.graphNodes(graph, nodes, count), counting);
      MemorySegment type = arena.allocate(JAVA_INT);
      int kernels = 0;
      for (long i = 0; i < count.get(JAVA_LONG, 0); i++) {
        check(LibCuda.nodeType(nodes.getAtIndex(JAVA_LONG, i), type), counting);
        kernels += type.get(JAVA_INT, 0) == CUgraphNodeType.CU_GRAPH_NODE_TYPE_KERNEL ? 1 : 0;
      }
      return kernels;
    }
  }

  @Override
  public int kernels(long graph) {
    return graphs.get(graph).kernels();
  }

  @Override
  public void launch(long graph, long stream) {
    check(
        JCudaDriver.cuGraphLaunch(graphs.get(graph), streams.get(stream)),
        "launching a CUDA graph");
  }

  @Override
  public void closeGraph(long graph) {
    check(JCudaDriver.cuGraphExecDestroy(graphs.remove(graph)), "closing a CUDA graph");
  }

  @Override
  public void close() {
    check(JCudaDriver.cuDevicePrimaryCtxRelease(device), "giving the GPU's context back");
  }

  private void check(int status, String what) {
    if (status != CudaStatus.SUCCESS) {
      throw failure(status, what);
    }
  }

  private CudaException failure(int status, String what) {
    if (contextLost != null) {
      return new CudaException(contextLost, true);
    }
    CudaException failure = CudaStatus.failure(what, status, JCudaProbe.textOf(status));
    if (failure.contextLost()) {
      contextLost = failure.getMessage();
    }
    return failure;
  }
}
