package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StagingRingTest {
  private static final int MOST_PASSES = 100;

  private final FakeDriver fake = new FakeDriver();
  private final List<MemorySegment> freed = new ArrayList<>(); // copies of the first megabytes

  private CudaDriver noticing(long bytes) {
    return (CudaDriver)
        Proxy.newProxyInstance(
            CudaDriver.class.getClassLoader(),
            new Class<?>[] {CudaDriver.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("freePinned")) {
                MemorySegment copy = Arena.ofAuto().allocate(bytes);
                freed.add(copy.copyFrom(((MemorySegment) arguments[0]).asSlice(0, bytes)));
              }
              try {
                return method.invoke(fake, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  // Reading the model's file and making room on the device go on side by side.
  @Test
  void pinnedMemoryIsNotFreedUnderCopiersAlthoughTheDeviceIsFull() {
    long bytes = 24 << 20;
    try (Arena arena = Arena.ofShared();
        CudaDevice device = CudaDevice.open(noticing(bytes));
        CudaStream stream = device.newStream()) {
      MemorySegment data = arena.allocate(bytes).fill((byte) 7);
      try (StagingRing ring =
          new StagingRing(
              device,
              stream,
              () -> {
                throw new DeviceOutOfMemoryException("no room");
              })) {
        assertThrows(
            DeviceOutOfMemoryException.class,
            () -> {
              for (int i = 0; i < MOST_PASSES; i++) { // copiers that are done at once ask nothing
                ring.pass(data, staged -> {});
              }
            });
      }
      assertEquals(-1, freed.getFirst().mismatch(data), "it was freed before it was filled");
    }
    assertEquals(List.of(), fake.leaks());
  }
}
