package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Lifetimes and misuse of a device and of what is made on it. */
class CudaDeviceTest {
  private static final long MEBIBYTE = 1 << 20;

  private final FakeDriver driver = new FakeDriver(100 * MEBIBYTE, 4 * MEBIBYTE);
  private final CudaDevice device = CudaDevice.open(driver);

  @AfterEach
  void nothingIsLeft() {
    if (driver.calls("close") == 0) {
      device.close();
    }
    if (!driver.contextLost()) {
      assertEquals(List.of(), driver.leaks());
    }
  }

  private static String messageOf(Class<? extends Throwable> expected, Executable executable) {
    return assertThrows(expected, executable).getMessage();
  }

  private static String refusalOf(Executable executable) {
    return messageOf(IllegalStateException.class, executable);
  }

  @Test
  void bytesAreCountedByOwner() {
    try (DeviceMemory weights = device.allocate(1000, MemoryOwner.WEIGHTS);
        DeviceMemory more = device.allocate(24, MemoryOwner.WEIGHTS);
        DeviceMemory kv = device.allocate(512, MemoryOwner.KV)) {
      assertEquals(1000, weights.bytes());
      assertEquals(1024, device.bytes(MemoryOwner.WEIGHTS));
      assertEquals(512, device.bytes(MemoryOwner.KV));
      assertEquals(0, device.bytes(MemoryOwner.WORKSPACE));
      assertEquals(96 * MEBIBYTE - 1536, device.memoryInfo().free());
      assertTrue(more.address() != kv.address());
    }
    assertEquals(0, device.bytes(MemoryOwner.WEIGHTS));
    assertEquals(0, device.bytes(MemoryOwner.KV));
    assertEquals(96 * MEBIBYTE, device.memoryInfo().free());
  }

  @Test
  void addressesAreWithinTheMemory() {
    try (DeviceMemory memory = device.allocate(1000, MemoryOwner.KV)) {
      long first = memory.address();
      assertEquals(0, first % 256);
      assertEquals(first, memory.address(0));
      assertEquals(first + 999, memory.address(999));
      assertEquals(first + 1000, memory.address(1000, 0));
      assertEquals(first + 400, memory.address(400, 600));
      for (long offset : new long[] {-1, 1000, Long.MIN_VALUE, Long.MAX_VALUE}) {
        assertThrows(IndexOutOfBoundsException.class, () -> memory.address(offset));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> memory.address(1, Long.MAX_VALUE));
      assertEquals(
          "bytes [400, 400 + 601) are not within the 1000 of this memory",
          messageOf(IndexOutOfBoundsException.class, () -> memory.address(400, 601)));
    }
  }

  @Test
  void allocationsAreOfAtLeastAByte() {
    assertThrows(IllegalArgumentException.class, () -> device.allocate(0, MemoryOwner.KV));
    assertThrows(IllegalArgumentException.class, () -> device.newPinned(-1));
  }

  @Test
  void lackOfMemoryIsSaidWithItsArithmetic() {
    try (DeviceMemory first = device.allocate(50 * MEBIBYTE, MemoryOwner.WEIGHTS)) {
      assertEquals(
          "the GPU has no room for an allocation of 62.9 MB: 48.2 MB of its 105 MB are free",
          messageOf(
              DeviceOutOfMemoryException.class,
              () -> device.allocate(60 * MEBIBYTE, MemoryOwner.KV)));
      assertEquals(0, device.bytes(MemoryOwner.KV), "what was refused does not count");
      assertEquals(50 * MEBIBYTE, first.bytes());
    }
    device.allocate(60 * MEBIBYTE, MemoryOwner.KV).close();
  }

  @Test
  void nothingCanBeUsedAfterItsClose() {
    DeviceMemory memory = device.allocate(3000, MemoryOwner.KV);
    memory.close();
    assertEquals("the device memory for KV (3.00 kB) is closed", refusalOf(memory::address));
    assertEquals(
        "the device memory for KV (3.00 kB) is closed", refusalOf(() -> memory.address(1)));

    PinnedMemory pinned = device.newPinned(64);
    MemorySegment segment = pinned.segment();
    pinned.close();
    assertEquals("the pinned memory (64 B) is closed", refusalOf(pinned::segment));
    refusalOf(() -> segment.get(ValueLayout.JAVA_BYTE, 0));

    CudaStream stream = device.newStream();
    CudaGraph graph = stream.capture(() -> {});
    CudaEvent event = device.newEvent();
    graph.close();
    event.close();
    assertEquals("the CUDA graph is closed", refusalOf(() -> stream.launch(graph)));
    assertEquals("the CUDA event is closed", refusalOf(() -> stream.record(event)));
    assertEquals("the CUDA event is closed", refusalOf(event::await));
    stream.close();
    assertEquals("the CUDA stream is closed", refusalOf(stream::synchronize));
  }

  private List<DeviceResource> oneOfEach(CudaStream stream) {
    return List.of(
        device.allocate(100, MemoryOwner.WORKSPACE),
        device.newPinned(100),
        device.newEvent(),
        stream.capture(() -> {}),
        MemoryTracker.start(device),
        stream);
  }

  @Test
  void nothingIsClosedTwice() {
    for (DeviceResource resource : oneOfEach(device.newStream())) {
      resource.close();
      assertTrue(refusalOf(resource::close).endsWith("is closed"));
    }
  }

  @Test
  void anotherThreadIsTurnedAway() {
    CudaStream stream = device.newStream();
    List<DeviceResource> resources = oneOfEach(stream);
    Stream<Executable> uses =
        Stream.of(
            device::close,
            device::memoryInfo,
            device::newStream,
            device::newEvent,
            () -> device.newPinned(1),
            () -> device.allocate(1, MemoryOwner.KV),
            () -> MemoryTracker.start(device),
            stream::synchronize);
    Stream<Executable> closings = resources.stream().map(resource -> resource::close);
    Stream.concat(uses, closings)
        .forEach(
            use -> {
              String message = elsewhere(use).getMessage();
              assertTrue(
                  message.startsWith(
                      "the GPU belongs to the thread '%s' and was used from '"
                          .formatted(Thread.currentThread().getName())),
                  message);
            });
    resources.forEach(DeviceResource::close);
  }

  private static Throwable elsewhere(Executable executable) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .start(
            () -> {
              try {
                executable.execute();
                result.complete(null);
              } catch (Throwable t) {
                result.completeExceptionally(t);
              }
            });
    Throwable thrown = assertThrows(CompletionException.class, result::join).getCause();
    return assertThrows(
        IllegalStateException.class,
        () -> {
          throw thrown;
        });
  }

  @Test
  void anyThreadMayReadFiguresAndPinnedMemory() throws InterruptedException {
    try (PinnedMemory pinned = device.newPinned(8);
        DeviceMemory memory = device.allocate(77, MemoryOwner.KV)) {
      MemorySegment segment = pinned.segment();
      Thread reader =
          Thread.ofPlatform()
              .start(() -> segment.set(ValueLayout.JAVA_LONG, 0, device.bytes(MemoryOwner.KV)));
      reader.join();
      assertEquals(memory.bytes(), segment.get(ValueLayout.JAVA_LONG, 0));
    }
  }

  @Test
  void closingReportsAndFreesWhatWasLeft() {
    device.allocate(1000, MemoryOwner.KV);
    device.allocate(2000, MemoryOwner.WEIGHTS);
    device.allocate(3000, MemoryOwner.WEIGHTS);
    device.newPinned(10);
    CudaStream stream = device.newStream();
    device.newEvent();
    assertEquals(
        "the GPU was closed and these were not: 1 x CUDA event, 1 x CUDA stream,"
            + " 1 x device memory for KV (1.00 kB), 2 x device memory for weights (5.00 kB),"
            + " 1 x pinned memory (10 B)",
        refusalOf(device::close));
    assertEquals(List.of(), driver.leaks());
    assertEquals("the GPU is closed", refusalOf(stream::synchronize));
  }

  @Test
  void closedDeviceIsOfNoUse() {
    device.close();
    assertEquals("the GPU is closed", refusalOf(device::close));
    assertEquals("the GPU is closed", refusalOf(device::newStream));
    assertEquals("the GPU is closed", refusalOf(() -> device.allocate(1, MemoryOwner.KV)));
  }

  @Test
  void lostContextIsSaidAndThenClosedQuietly() {
    CudaStream stream = device.newStream();
    DeviceMemory memory = device.allocate(100, MemoryOwner.KV);
    DeviceMemory leaked = device.allocate(100, MemoryOwner.KV);
    PinnedMemory pinned = device.newPinned(8);
    assertFalse(device.contextLost());
    driver.loseContext();
    CudaException lost = assertThrows(CudaException.class, stream::synchronize);
    assertEquals(
        "the GPU context is lost after an illegal address in waiting for a stream: restart the"
            + " process",
        lost.getMessage());
    assertTrue(lost.contextLost());
    assertTrue(device.contextLost());
    assertEquals(
        lost.getMessage(),
        messageOf(CudaException.class, () -> stream.upload(leaked, 0, pinned.segment(), 8)));
    memory.close();
    pinned.close();
    stream.close();
    device.close();
  }

  @Test
  void refusalOfTheDriverToFreeIsNotKeptQuiet() {
    DeviceMemory memory = device.allocate(100, MemoryOwner.KV);
    long address = memory.address();
    driver.fail("free", 1, CudaStatus.failure("freeing", 1, "invalid argument"));
    assertEquals("freeing failed: invalid argument", messageOf(CudaException.class, memory::close));
    assertEquals(0, device.bytes(MemoryOwner.KV));
    driver.free(address);
  }

  @Test
  void leftoversAreAllFreedThoughOneFails() {
    FakeDriver failing = new FakeDriver();
    CudaDevice other = CudaDevice.open(failing);
    other.allocate(100, MemoryOwner.KV);
    other.newPinned(8);
    other.allocate(200, MemoryOwner.KV);
    failing.fail("freePinned", 1, CudaStatus.failure("freeing", 1, "invalid argument"));
    IllegalStateException leaks = assertThrows(IllegalStateException.class, other::close);
    assertEquals("freeing failed: invalid argument", leaks.getSuppressed()[0].getMessage());
    assertEquals(List.of("pinned memory of 8"), failing.leaks());
  }

  @Test
  void whatLoadingTakesOfTheDeviceIsCudas() {
    assertEquals(4 * MEBIBYTE, device.cudaBytes());
    device.load(() -> driver.growContext(MEBIBYTE));
    assertEquals(5 * MEBIBYTE, device.cudaBytes());
    device.load(() -> device.allocate(MEBIBYTE, MemoryOwner.WORKSPACE).close());
    DeviceMemory[] kept = new DeviceMemory[1];
    device.load(() -> kept[0] = device.allocate(MEBIBYTE, MemoryOwner.WORKSPACE));
    assertEquals(5 * MEBIBYTE, device.cudaBytes(), "what is allocated has an owner");
    kept[0].close();
  }
}
