package dev.rap.cuda;

import java.time.Duration;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/**
 * A tracker that samples without pause while its device takes memory and gives it back: what is
 * read of it belongs together, and it ends with its device although that ends at once.
 */
@JCStressTest
@Outcome(id = "whole", expect = Expect.ACCEPTABLE, desc = "all of the device is accounted for")
@Outcome(id = "none", expect = Expect.ACCEPTABLE, desc = "the tracker has not begun")
@State
public class MemoryTrackerStress {
  private static final long OTHERS = 777;

  private volatile MemoryTracker tracker;

  @Actor
  public void device() {
    FakeDriver driver = new FakeDriver(1 << 20, 0);
    driver.setOthersBytes(OTHERS);
    try (CudaDevice device = CudaDevice.open(driver);
        MemoryTracker started = MemoryTracker.start(device, Duration.ofNanos(1), 4)) {
      tracker = started;
      device.allocate(512, MemoryOwner.WEIGHTS).close();
      device.allocate(1024, MemoryOwner.KV).close();
    }
  }

  @Actor
  public void reader(L_Result result) {
    MemoryTracker seen = tracker;
    result.r1 = seen == null ? "none" : belongs(seen.latest()) ? "whole" : "torn";
  }

  private static boolean belongs(MemorySample sample) {
    return sample.others() == OTHERS
        && sample.free() + sample.weights() + sample.kv() + OTHERS == sample.total();
  }
}
