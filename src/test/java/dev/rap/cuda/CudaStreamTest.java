package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Copies, events and graphs of a stream. */
class CudaStreamTest {
  private final FakeDriver driver = new FakeDriver();
  private final CudaDevice device = CudaDevice.open(driver);
  private final CudaStream stream = device.newStream();
  private final PinnedMemory pinned = device.newPinned(16);
  private final DeviceMemory memory = device.allocate(16, MemoryOwner.WORKSPACE);

  @BeforeEach
  void count() {
    for (int i = 0; i < 16; i++) {
      pinned.segment().set(JAVA_BYTE, i, (byte) i);
    }
  }

  @AfterEach
  void close() {
    memory.close();
    pinned.close();
    stream.close();
    device.close();
    assertEquals(List.of(), driver.leaks());
  }

  private byte[] content() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(16);
      stream.download(host, memory, 0, 16);
      stream.synchronize();
      return host.toArray(JAVA_BYTE);
    }
  }

  @Test
  void bytesGoToTheDeviceAndBack() {
    stream.upload(memory, 0, pinned.segment(), 16);
    stream.copy(memory, 8, memory, 2, 3);
    stream.fill(memory, 13, (byte) 99, 2);
    stream.upload(memory, 0, pinned.segment().asSlice(5), 1);
    assertArrayEquals(new byte[] {5, 1, 2, 3, 4, 5, 6, 7, 2, 3, 4, 11, 12, 99, 99, 15}, content());
  }

  @Test
  void nothingIsCopiedPastAnEnd() {
    MemorySegment host = pinned.segment();
    assertThrows(IndexOutOfBoundsException.class, () -> stream.upload(memory, 1, host, 16));
    assertThrows(
        IndexOutOfBoundsException.class, () -> stream.upload(memory, 0, host.asSlice(9), 8));
    assertThrows(IndexOutOfBoundsException.class, () -> stream.download(host, memory, 9, 8));
    assertThrows(IndexOutOfBoundsException.class, () -> stream.copy(memory, 9, memory, 0, 8));
    assertThrows(IndexOutOfBoundsException.class, () -> stream.fill(memory, 0, (byte) 0, 17));
    assertThrows(IndexOutOfBoundsException.class, () -> stream.fill(memory, 0, (byte) 0, -1));
    assertEquals(
        "to has 16 bytes, not 17",
        assertThrows(IndexOutOfBoundsException.class, () -> stream.download(host, memory, 0, 17))
            .getMessage());
  }

  @Test
  void arraysOfJavaAreNotCopied() {
    MemorySegment array = MemorySegment.ofArray(new byte[16]);
    assertEquals(
        "from must be native memory, was a Java array",
        assertThrows(IllegalArgumentException.class, () -> stream.upload(memory, 0, array, 16))
            .getMessage());
  }

  @Test
  void graphDoesAtEachLaunchWhatWasCaptured() {
    try (DeviceMemory counter = device.allocate(4, MemoryOwner.WORKSPACE)) {
      stream.fill(counter, 0, (byte) 0, 4);
      stream.fill(memory, 0, (byte) 0, 16);
      CudaGraph graph =
          stream.capture(
              () -> {
                driver.queue(stream.handle(), () -> increment(counter));
                stream.upload(memory, 0, pinned.segment(), 16);
                driver.queue(stream.handle(), () -> increment(counter));
              });
      assertEquals(2, graph.kernels());
      assertEquals(0, driver.memory(counter.address(), 4).get(JAVA_INT, 0));
      assertEquals(0, content()[1], "nothing has run yet");

      for (int launches = 1; launches <= 3; launches++) {
        pinned.segment().set(JAVA_BYTE, 1, (byte) (10 * launches));
        stream.launch(graph);
        assertEquals(2 * launches, driver.memory(counter.address(), 4).get(JAVA_INT, 0));
        assertEquals(10 * launches, content()[1], "read when launched, not when captured");
      }
      graph.close();
    }
  }

  private void increment(DeviceMemory counter) {
    MemorySegment count = driver.memory(counter.address(), 4);
    count.set(JAVA_INT, 0, count.get(JAVA_INT, 0) + 1);
  }

  @Test
  void failureWhileCapturingLeavesTheStreamAsItWas() {
    IllegalArgumentException failure = new IllegalArgumentException("of the work");
    assertSame(
        failure,
        assertThrows(
            IllegalArgumentException.class,
            () ->
                stream.capture(
                    () -> {
                      stream.fill(memory, 0, (byte) 1, 16);
                      throw failure;
                    })));
    stream.fill(memory, 0, (byte) 2, 16);
    assertEquals(2, content()[0], "the stream no longer captures");
  }

  @Test
  void memoryIsNotAllocatedWhileCapturing() {
    CudaException refused =
        assertThrows(
            CudaException.class,
            () -> stream.capture(() -> device.allocate(16, MemoryOwner.WORKSPACE)));
    assertTrue(refused.getMessage().contains("capturing"), refused::getMessage);
    assertEquals(16, device.bytes(MemoryOwner.WORKSPACE));
  }

  @Test
  void eventsTellTheTimeBetweenThem() {
    try (CudaEvent begin = device.newEvent();
        CudaEvent end = device.newEvent()) {
      stream.record(begin);
      stream.fill(memory, 0, (byte) 0, 16);
      stream.record(end);
      stream.waitFor(end);
      end.await();
      assertTrue(end.reached());
      assertTrue(end.millisecondsSince(begin) > 0);
    }
  }
}
