package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The driver itself: memory, copies, events, graphs and lifetimes on a GPU. */
@Tag("gpu")
class GpuDriverTest {
  private static final long GIGABYTE = 1L << 30;

  private final CudaDevice device = CudaDevice.open(RealGpu.driver());

  @AfterEach
  void close() {
    device.close(); // reports what a test left
  }

  @Test
  void factsArePlausible() {
    DeviceFacts facts = device.facts();
    System.out.println(facts);
    assertTrue(facts.major() >= 8);
    assertTrue(facts.driverVersion() >= 12_000);
    assertTrue(facts.multiprocessors() > 0);
    assertTrue(facts.uuid().matches("(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"));
    CudaDriver.MemoryInfo memory = device.memoryInfo();
    assertTrue(memory.free() > 0 && memory.free() < memory.total());
    assertTrue(memory.total() <= facts.totalBytes());
  }

  @Test
  void gpuIsFoundBesideAnOpenOne() {
    Cuda.Found found = assertInstanceOf(Cuda.Found.class, Cuda.find());
    assertEquals(device.facts(), found.facts());
    device.allocate(100, MemoryOwner.KV).close(); // the context is still there
  }

  /** Within a hundredth of {@code size}. */
  private static void assertNear(long expected, long actual, long size) {
    assertTrue(
        Math.abs(expected - actual) <= size / 100,
        () -> "expected %,d was %,d".formatted(expected, actual));
  }

  @Test
  void allocationsAreSeenInFreeMemory() {
    long before = device.memoryInfo().free();
    DeviceMemory memory = device.allocate(4 * GIGABYTE, MemoryOwner.WEIGHTS);
    long taken = before - device.memoryInfo().free();
    assertNear(4 * GIGABYTE, taken, 4 * GIGABYTE);
    memory.close();
    assertNear(before, device.memoryInfo().free(), 4 * GIGABYTE);
  }

  @Test
  void moreThanThereIsIsRefusedAndChangesNothing() {
    long total = device.memoryInfo().total();
    String message =
        assertThrows(DeviceOutOfMemoryException.class, () -> device.allocate(total, MemoryOwner.KV))
            .getMessage();
    System.out.println(message);
    assertTrue(message.startsWith("the GPU has no room for an allocation of "), message);
    assertEquals(0, device.bytes(MemoryOwner.KV));
    device.allocate(GIGABYTE, MemoryOwner.KV).close();
  }

  @Test
  void bytesGoToTheDeviceAndBack() {
    int bytes = 100_003;
    try (CudaStream stream = device.newStream();
        PinnedMemory pinned = device.newPinned(2L * bytes);
        DeviceMemory memory = device.allocate(2L * bytes, MemoryOwner.WORKSPACE)) {
      MemorySegment source = pinned.segment().asSlice(0, bytes);
      MemorySegment target = pinned.segment().asSlice(bytes);
      SplittableRandom random = new SplittableRandom(1);
      for (int i = 0; i < bytes; i++) {
        source.set(JAVA_BYTE, i, (byte) random.nextInt());
      }
      stream.upload(memory, 1, source, bytes);
      stream.copy(memory, bytes + 1, memory, 1, bytes - 1);
      stream.fill(memory, bytes + 11, (byte) 77, 100);
      stream.download(target, memory, bytes + 1, bytes - 1);
      stream.synchronize();
      source.asSlice(10, 100).fill((byte) 77);
      assertEquals(-1, source.asSlice(0, bytes - 1).mismatch(target.asSlice(0, bytes - 1)));
    }
  }

  @Test
  void graphDoesAtEachLaunchWhatWasCaptured() {
    try (CudaStream stream = device.newStream();
        PinnedMemory in = device.newPinned(8);
        PinnedMemory out = device.newPinned(8);
        DeviceMemory memory = device.allocate(8, MemoryOwner.WORKSPACE);
        CudaGraph graph =
            stream.capture(
                () -> {
                  stream.upload(memory, 0, in.segment(), 8);
                  stream.fill(memory, 0, (byte) 1, 1);
                  stream.download(out.segment(), memory, 0, 8);
                })) {
      assertEquals(0, graph.kernels(), "copies are no kernels");
      for (long i = 1; i <= 3; i++) {
        in.segment().set(JAVA_LONG, 0, i << 32);
        stream.launch(graph);
        stream.synchronize();
        assertEquals(i << 32 | 1, out.segment().get(JAVA_LONG, 0));
      }
    }
  }

  @Test
  void failureWhileCapturingLeavesTheStreamAsItWas() {
    try (CudaStream stream = device.newStream();
        DeviceMemory memory = device.allocate(8, MemoryOwner.WORKSPACE)) {
      CudaException refused =
          assertThrows(
              CudaException.class,
              () -> stream.capture(() -> device.allocate(8, MemoryOwner.WORKSPACE)));
      System.out.println(refused.getMessage());
      stream.fill(memory, 0, (byte) 1, 8);
      stream.synchronize();
    }
  }

  @Test
  void misuseIsAnExceptionAndNoCrash() {
    CudaStream stream = device.newStream();
    DeviceMemory memory = device.allocate(100, MemoryOwner.KV);
    PinnedMemory pinned = device.newPinned(100);
    CudaEvent event = device.newEvent();
    CudaGraph graph = stream.capture(() -> stream.fill(memory, 0, (byte) 0, 100));
    MemorySegment segment = pinned.segment();
    for (DeviceResource resource : List.of(graph, event, pinned, memory)) {
      resource.close();
      assertThrows(IllegalStateException.class, resource::close);
    }
    assertThrows(IllegalStateException.class, () -> stream.launch(graph));
    assertThrows(IllegalStateException.class, () -> stream.record(event));
    assertThrows(IllegalStateException.class, () -> stream.fill(memory, 0, (byte) 0, 1));
    assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
    stream.close();
    assertThrows(IllegalStateException.class, stream::synchronize);
  }

  @Test
  void leftoversAreReportedAndFreed() {
    CudaDevice other = CudaDevice.open(RealGpu.driver());
    long before = device.memoryInfo().free();
    other.allocate(GIGABYTE, MemoryOwner.KV);
    assertEquals(
        "the GPU was closed and these were not: 1 x device memory for KV (1.07 GB)",
        assertThrows(IllegalStateException.class, other::close).getMessage());
    assertNear(before, device.memoryInfo().free(), GIGABYTE);
  }

  @Test
  void pinnedMemoryIsCopiedFast() {
    long bytes = 256 << 20;
    try (CudaStream stream = device.newStream();
        PinnedMemory pinned = device.newPinned(bytes);
        DeviceMemory memory = device.allocate(bytes, MemoryOwner.WORKSPACE);
        CudaEvent begin = device.newEvent();
        CudaEvent between = device.newEvent();
        CudaEvent end = device.newEvent()) {
      pinned.segment().fill((byte) 1);
      for (int i = 0; i < 3; i++) {
        stream.record(begin);
        stream.upload(memory, 0, pinned.segment(), bytes);
        stream.record(between);
        stream.download(pinned.segment(), memory, 0, bytes);
        stream.record(end);
        end.await();
      }
      double up = bytes / 1e6 / between.millisecondsSince(begin);
      double down = bytes / 1e6 / end.millisecondsSince(between);
      System.out.printf("pinned memory: %.1f GB/s up, %.1f GB/s down%n", up, down);
      assertTrue(up > 5 && down > 5);
    }
  }

  @Test
  void stepsMakeNoGarbage() {
    try (CudaStream stream = device.newStream();
        PinnedMemory pinned = device.newPinned(64);
        DeviceMemory memory = device.allocate(64, MemoryOwner.WORKSPACE);
        CudaEvent event = device.newEvent();
        CudaGraph graph = stream.capture(() -> stream.fill(memory, 0, (byte) 0, 64))) {
      MemorySegment segment = pinned.segment();
      Runnable step =
          () -> {
            stream.upload(memory, 0, segment, 64);
            stream.launch(graph);
            stream.download(segment, memory, 0, 64);
            stream.record(event);
            event.await();
          };
      int steps = 20_000;
      for (int i = 0; i < steps; i++) {
        step.run(); // until it is compiled
      }
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long allocated = threads.getCurrentThreadAllocatedBytes();
      long begin = System.nanoTime();
      for (int i = 0; i < steps; i++) {
        step.run();
      }
      double micros = (System.nanoTime() - begin) / 1e3 / steps;
      allocated = threads.getCurrentThreadAllocatedBytes() - allocated;
      System.out.printf("two copies and a graph: %.1f us, %d bytes%n", micros, allocated / steps);
      assertTrue(allocated < 8L * steps, () -> "a step makes garbage");
    }
  }
}
