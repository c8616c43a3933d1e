package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MemoryTrackerTest {
  private static final long TOTAL = 64 << 20;
  private static final long CONTEXT = 3 << 20;
  private static final Duration INTERVAL = Duration.ofMillis(1);

  private final FakeDriver driver = new FakeDriver(TOTAL, CONTEXT);
  private final CudaDevice device = CudaDevice.open(driver);

  @AfterEach
  void close() {
    device.close();
    assertEquals(List.of(), driver.leaks());
  }

  /** Waits for a sample of after this call, which {@code condition} holds for. */
  private static MemorySample await(MemoryTracker tracker, Predicate<MemorySample> condition) {
    long now = System.nanoTime();
    return assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          MemorySample sample = tracker.latest();
          while (sample.nanos() - now < 0 || !condition.test(sample)) {
            Thread.sleep(1);
            sample = tracker.latest();
          }
          return sample;
        });
  }

  private static MemorySample next(MemoryTracker tracker) {
    return await(tracker, sample -> true);
  }

  @Test
  void sampleSplitsTheDevice() {
    driver.setOthersBytes(1000);
    try (MemoryTracker tracker = MemoryTracker.start(device, INTERVAL, 100);
        DeviceMemory weights = device.allocate(4000, MemoryOwner.WEIGHTS);
        DeviceMemory kv = device.allocate(300, MemoryOwner.KV);
        DeviceMemory workspace = device.allocate(20, MemoryOwner.WORKSPACE)) {
      MemorySample sample = next(tracker);
      assertEquals(
          new MemorySample(
              sample.nanos(),
              TOTAL - CONTEXT - 5320,
              TOTAL,
              weights.bytes(),
              kv.bytes(),
              workspace.bytes(),
              0,
              CONTEXT,
              1000),
          sample);
      driver.setOthersBytes(0);
      assertEquals(0, next(tracker).others());
    }
  }

  @Test
  void thereIsASampleFromTheStart() {
    try (MemoryTracker tracker = MemoryTracker.start(device, Duration.ofHours(1), 100)) {
      assertEquals(TOTAL - CONTEXT, tracker.latest().free());
      assertEquals(TOTAL - CONTEXT, tracker.history().getFirst().free());
    }
  }

  @Test
  void whatNvmlShowsOfThisProcessIsCudas() {
    driver.showProcess();
    try (MemoryTracker tracker = MemoryTracker.start(device, INTERVAL, 100);
        DeviceMemory weights = device.allocate(4000, MemoryOwner.WEIGHTS)) {
      assertEquals(CONTEXT, next(tracker).cuda());
      // Unseen by load(), as where cuBLAS takes memory at its first product.
      driver.growContext(5000);
      MemorySample sample = await(tracker, each -> each.cuda() != CONTEXT);
      assertEquals(CONTEXT + 5000, sample.cuda());
      assertEquals(0, sample.others());
      assertEquals(4000, weights.bytes());
    }
  }

  @Test
  void figuresBelongTogetherWhileMemoryComesAndGoes() {
    driver.setOthersBytes(777);
    Random random = new Random(1);
    try (MemoryTracker tracker = MemoryTracker.start(device, Duration.ofNanos(100_000), 100_000)) {
      long begin = System.nanoTime();
      while (tracker.history().size() < 100) {
        assertTrue(System.nanoTime() - begin < 20_000_000_000L, "no sample comes");
        MemoryOwner owner = random.nextBoolean() ? MemoryOwner.WEIGHTS : MemoryOwner.WORKSPACE;
        try (DeviceMemory first = device.allocate(1 + random.nextInt(100_000), owner);
            DeviceMemory second = device.allocate(1 + random.nextInt(100_000), MemoryOwner.KV)) {
          assertEquals(first.bytes(), device.bytes(owner));
          assertEquals(second.bytes(), device.bytes(MemoryOwner.KV));
          LockSupport.parkNanos(random.nextInt(300_000));
        }
      }
      for (MemorySample sample : tracker.history()) {
        assertEquals(
            sample.total(),
            sample.free()
                + sample.weights()
                + sample.kv()
                + sample.workspace()
                + sample.spare()
                + sample.cuda()
                + sample.others());
        assertEquals(777, sample.others(), "none of ours is taken for others'");
        assertEquals(CONTEXT, sample.cuda());
      }
    }
  }

  @Test
  void historyIsTheNewestInOrder() {
    try (MemoryTracker tracker = MemoryTracker.start(device, INTERVAL, 3)) {
      for (int i = 0; i < 5; i++) {
        next(tracker);
      }
      List<MemorySample> history = tracker.history();
      assertEquals(3, history.size());
      assertTrue(history.get(0).nanos() < history.get(1).nanos());
      assertTrue(history.get(1).nanos() < history.get(2).nanos());
    }
  }

  @Test
  void threadEndsWithTheTracker() {
    MemoryTracker tracker = MemoryTracker.start(device, Duration.ofHours(1), 3);
    assertTrue(samplers() > 0);
    tracker.close();
    assertEquals(0, samplers());
  }

  /** {@return how many trackers run} */
  static long samplers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("rap-memory-tracker"))
        .count();
  }

  @Test
  void readingGoesOnAfterAFailure() {
    try (MemoryTracker tracker = MemoryTracker.start(device, INTERVAL, 100)) {
      assertTrue(tracker.problem().isEmpty());
      driver.fail("memoryInfo", 1, new CudaException("asking for free memory failed: unknown"));
      assertTimeoutPreemptively(
          Duration.ofSeconds(20),
          () -> {
            while (tracker.problem().isEmpty()) {
              Thread.sleep(1);
            }
          });
      next(tracker);
      assertTrue(tracker.problem().isEmpty());
    }
  }

  @Test
  void lostContextIsReportedAndLeavesTheLastSample() {
    FakeDriver faulty = new FakeDriver(TOTAL, CONTEXT);
    CudaDevice other = CudaDevice.open(faulty);
    MemoryTracker tracker = MemoryTracker.start(other, INTERVAL, 100);
    faulty.loseContext();
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          while (tracker.problem().isEmpty()) {
            Thread.sleep(1);
          }
        });
    assertTrue(tracker.problem().orElseThrow().startsWith("the GPU context is lost"));
    assertEquals(TOTAL, tracker.latest().total());
    assertFalse(tracker.history().isEmpty());
    tracker.close();
    other.close();
  }
}
