package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ElasticMemoryTest {
  private static final long PAGE = FakePages.PAGE_BYTES;

  private final FakeDriver driver = new FakeDriver(100 * PAGE, 0);
  private final CudaDevice device = CudaDevice.open(driver);
  private final PagePool pool = new PagePool(device, PAGE);

  @AfterEach
  void close() {
    pool.close();
    device.close();
    assertEquals(List.of(), driver.leaks());
  }

  private ElasticMemory reserve(long bytes) {
    return ElasticMemory.reserve(pool, bytes, MemoryOwner.WEIGHTS);
  }

  @Test
  void addressesTakeNothingOfTheDeviceAndPagesDo() {
    try (ElasticMemory memory = reserve(1000 * PAGE)) {
      assertEquals(100 * PAGE, device.memoryInfo().free());
      memory.grow(2 * PAGE + 1);
      assertEquals(3 * PAGE, memory.heldBytes());
      assertEquals(97 * PAGE, device.memoryInfo().free());
      assertEquals(3 * PAGE, device.bytes(MemoryOwner.WEIGHTS));
    }
  }

  @Test
  void whatOneGivesUpAnotherHasAndTheDeviceOnlyWhenThePoolReleasesIt() {
    try (ElasticMemory weights = reserve(8 * PAGE);
        ElasticMemory kv = ElasticMemory.reserve(pool, 8 * PAGE, MemoryOwner.KV)) {
      weights.grow(8 * PAGE);
      weights.shrink(3 * PAGE - 1);
      assertEquals(5 * PAGE, device.bytes(MemoryOwner.SPARE));
      assertEquals(92 * PAGE, device.memoryInfo().free());
      kv.grow(4 * PAGE);
      assertEquals(8, pool.pages());
      assertEquals(1, pool.spares());
      pool.release(7);
      assertEquals(93 * PAGE, device.memoryInfo().free());
      assertEquals(0, device.bytes(MemoryOwner.SPARE));
    }
  }

  @Test
  void addressesStayAndWhatIsKeptStays() {
    CudaStream stream = device.newStream();
    try (ElasticMemory memory = reserve(4 * PAGE)) {
      memory.grow(2 * PAGE);
      long address = memory.address();
      stream.fill(memory, 0, (byte) 7, 2 * PAGE);
      memory.grow(4 * PAGE);
      memory.shrink(PAGE);
      assertEquals(address, memory.address());
      assertEquals(7, driver.memory(address, PAGE).get(java.lang.foreign.ValueLayout.JAVA_BYTE, 9));
    }
    stream.close();
  }

  @Test
  void aDeviceWithoutRoomLeavesEverythingAsItWas() {
    try (ElasticMemory memory = reserve(200 * PAGE)) {
      memory.grow(60 * PAGE);
      assertThrows(DeviceOutOfMemoryException.class, () -> memory.grow(120 * PAGE));
      assertEquals(60 * PAGE, memory.heldBytes());
      pool.release(pool.spares());
      assertEquals(40 * PAGE, device.memoryInfo().free());
    }
  }

  @Test
  void pagesThatCouldNotBeMappedLieReady() {
    try (ElasticMemory memory = reserve(9 * PAGE)) {
      driver.fail("map", 1, new CudaException("no"));
      assertThrows(CudaException.class, () -> memory.grow(5 * PAGE));
      assertEquals(0, memory.heldBytes());
      assertEquals(5, pool.spares());
      memory.grow(5 * PAGE);
      assertEquals(5, pool.pages());
    }
  }
}
