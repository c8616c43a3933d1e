package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
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
      assertThrows(DeviceOutOfMemoryException.class, () -> memory.grow(5 * PAGE));
      assertEquals(0, memory.heldBytes());
      assertEquals(5, pool.spares());
      memory.grow(5 * PAGE);
      assertEquals(5, pool.pages());
    }
  }

  // The driver asserts that no page is mapped twice, given back while it is mapped, or lost.
  @Test
  void overAHundredThousandStepsWithFailuresEveryPageHasOneOwner() {
    SplittableRandom random = new SplittableRandom(6);
    List<ElasticMemory> memories = new ArrayList<>();
    long others = 0;
    for (int step = 0; step < 100_000; step++) {
      int action = random.nextInt(12);
      if (action == 0 && memories.size() < 6) {
        MemoryOwner owner = random.nextBoolean() ? MemoryOwner.WEIGHTS : MemoryOwner.KV;
        memories.add(ElasticMemory.reserve(pool, 1 + random.nextInt(40 * (int) PAGE), owner));
      } else if (action == 1 && !memories.isEmpty()) {
        memories.remove(random.nextInt(memories.size())).close();
      } else if (action == 2) {
        pool.release(random.nextInt(20));
      } else if (action == 3) {
        others = random.nextLong(driver.memoryInfo().free() + others + 1);
        driver.setOthersBytes(others);
      } else if (action == 4) {
        driver.fail("newPage", 1 + random.nextInt(5), new DeviceOutOfMemoryException("no"));
      } else if (action == 5) {
        driver.fail("map", 1 + random.nextInt(5), new CudaException("no"));
      } else if (!memories.isEmpty()) {
        change(memories.get(random.nextInt(memories.size())), random);
      }
      checkOwners(memories, others);
    }
    driver.forgive();
    driver.setOthersBytes(0);
    memories.forEach(ElasticMemory::close);
    checkOwners(List.of(), 0);
  }

  private static void change(ElasticMemory memory, SplittableRandom random) {
    long before = memory.heldBytes();
    long bytes = random.nextLong(memory.bytes() + 1);
    if (random.nextBoolean()) {
      memory.shrink(bytes);
      assertEquals(Math.min(before, Math.ceilDiv(bytes, PAGE) * PAGE), memory.heldBytes());
      return;
    }
    try {
      memory.grow(bytes);
      assertEquals(Math.max(before, Math.ceilDiv(bytes, PAGE) * PAGE), memory.heldBytes());
    } catch (DeviceOutOfMemoryException e) {
      assertEquals(before, memory.heldBytes(), "a failure changes nothing");
    }
  }

  private void checkOwners(List<ElasticMemory> memories, long others) {
    long weights = 0;
    long kv = 0;
    for (ElasticMemory memory : memories) {
      weights += memory.owner() == MemoryOwner.WEIGHTS ? memory.heldBytes() : 0;
      kv += memory.owner() == MemoryOwner.KV ? memory.heldBytes() : 0;
    }
    assertEquals(weights, device.bytes(MemoryOwner.WEIGHTS));
    assertEquals(kv, device.bytes(MemoryOwner.KV));
    assertEquals(pool.spares() * PAGE, device.bytes(MemoryOwner.SPARE));
    assertEquals(weights + kv + pool.spares() * PAGE, pool.pages() * PAGE);
    assertEquals(100 * PAGE - others - pool.pages() * PAGE, driver.memoryInfo().free());
  }
}
