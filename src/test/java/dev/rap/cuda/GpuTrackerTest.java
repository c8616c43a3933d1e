package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The tracker's figures beside those of nvidia-smi and NVML. */
@Tag("gpu")
class GpuTrackerTest {
  private static final long GIGABYTE = 1L << 30;

  private final CudaDriver driver = RealGpu.driver();
  private final CudaDevice device = CudaDevice.open(driver);

  @AfterEach
  void close() {
    device.close();
  }

  private long usedBySmi() throws IOException {
    Process process =
        new ProcessBuilder(
                "nvidia-smi",
                "--id=" + device.facts().uuid(),
                "--query-gpu=memory.used",
                "--format=csv,noheader,nounits")
            .start();
    String mebibytes =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    return Long.parseLong(mebibytes) << 20;
  }

  private static MemorySample next(MemoryTracker tracker) throws InterruptedException {
    long now = System.nanoTime();
    while (tracker.latest().nanos() - now < 0) {
      Thread.sleep(1);
      assertTrue(System.nanoTime() - now < 10_000_000_000L, () -> "" + tracker.problem());
    }
    return tracker.latest();
  }

  @Test
  void figuresAgreeWithNvidiaSmi() throws IOException, InterruptedException {
    Deque<DeviceMemory> memory = new ArrayDeque<>();
    try (MemoryTracker tracker = MemoryTracker.start(device)) {
      long pieces = Math.min(8, device.memoryInfo().free() / (3 * GIGABYTE));
      for (int i = 0; i < pieces; i++) {
        memory.push(
            device.allocate(2 * GIGABYTE, i % 2 == 0 ? MemoryOwner.WEIGHTS : MemoryOwner.KV));
        compare(next(tracker));
      }
      while (!memory.isEmpty()) {
        compare(next(tracker));
        memory.pop().close();
      }
      compare(next(tracker));
      System.out.println(tracker.history().size() + " samples, " + tracker.problem());
    }
  }

  private void compare(MemorySample sample) throws IOException {
    long used = sample.total() - sample.free();
    long smi = usedBySmi();
    System.out.printf(
        "tracker %,d nvidia-smi %,d (%+.2f %%): weights %,d kv %,d cuda %,d others %,d%n",
        used,
        smi,
        100.0 * (used - smi) / smi,
        sample.weights(),
        sample.kv(),
        sample.cuda(),
        sample.others());
    if (sample.weights() > 0) {
      assertNear(smi, used, smi);
    }
  }

  /** Within a hundredth of {@code size}. */
  private static void assertNear(long expected, long actual, long size) {
    assertTrue(
        Math.abs(expected - actual) <= size / 100,
        () -> "expected %,d was %,d".formatted(expected, actual));
  }

  @Test
  void processIsSeenByNvmlWhereItsNumberIs() throws InterruptedException {
    System.out.printf(
        "the context took %,d, NVML sees %s of process %d%n",
        driver.contextBytes(), driver.processBytes(), ProcessHandle.current().pid());
    try (DeviceMemory memory = device.allocate(4 * GIGABYTE, MemoryOwner.WEIGHTS);
        MemoryTracker tracker = MemoryTracker.start(device)) {
      OptionalLong process = driver.processBytes();
      MemorySample sample = next(tracker);
      System.out.println(process + " " + sample);
      process.ifPresent(
          bytes -> {
            assertTrue(bytes >= memory.bytes());
            assertNear(bytes - memory.bytes(), sample.cuda(), bytes);
          });
      assertTrue(sample.cuda() > 0, "a context takes memory, and NVML is where the driver is");
    }
  }

  @Test
  void samplingIsCheap() {
    int readings = 1000;
    long begin = System.nanoTime();
    for (int i = 0; i < readings; i++) {
      driver.memoryInfo();
    }
    double info = (System.nanoTime() - begin) / 1e3 / readings;
    begin = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      driver.processBytes();
    }
    double process = (System.nanoTime() - begin) / 1e3 / 20;
    System.out.printf("free memory: %.1f us, this process's by NVML: %.0f us%n", info, process);
    assertTrue(info < 200);
  }
}
