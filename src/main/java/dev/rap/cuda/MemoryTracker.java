package dev.rap.cuda;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Reads every few milliseconds, on a thread of its own, how the device's memory is used. What it
 * has read is for any thread.
 *
 * <p>CUDA's own part is what NVML shows of this process beside our allocations, read once a second.
 * Where NVML does not show this process it is what the context took when it was made, and what was
 * taken during {@link CudaDevice#load}.
 */
public final class MemoryTracker extends DeviceResource {
  static final Duration USUAL_INTERVAL = Duration.ofMillis(5);

  /** Samples that are kept: almost three minutes at the usual interval. */
  static final int USUAL_HISTORY = 1 << 15;

  private static final System.Logger LOG = System.getLogger(MemoryTracker.class.getName());
  private static final long PROCESS_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long RETRY_NANOS = Duration.ofMillis(100).toNanos();

  private final MemoryLedger ledger;
  private final CudaDriver driver;
  private final long intervalNanos;
  private final MemoryHistory history;
  private final Thread sampler;
  private volatile boolean stopping;
  private volatile MemorySample latest;
  private volatile String problem;

  // The sampler's own.
  private OptionalLong processCuda = OptionalLong.empty();
  private long processNanos;

  private MemoryTracker(CudaDevice device, Duration interval, int historyLimit) {
    super(device);
    this.ledger = device.ledger();
    this.driver = device.driver();
    this.intervalNanos = interval.toNanos();
    this.history = new MemoryHistory(historyLimit);
    this.processNanos = System.nanoTime() - PROCESS_NANOS;
    this.sampler =
        Thread.ofPlatform().daemon().name("rap-memory-tracker").unstarted(this::sampleUntilClosed);
  }

  /** {@return a tracker of {@code device}, which has one sample} */
  static MemoryTracker start(CudaDevice device) {
    return start(device, USUAL_INTERVAL, USUAL_HISTORY);
  }

  /**
   * @param interval between samples
   * @param historyLimit samples that are kept
   */
  static MemoryTracker start(CudaDevice device, Duration interval, int historyLimit) {
    device.requireThread();
    if (!interval.isPositive() || historyLimit < 1) {
      throw new IllegalArgumentException("interval and historyLimit must be positive");
    }
    MemoryTracker tracker = new MemoryTracker(device, interval, historyLimit);
    try {
      tracker.latest = tracker.sample();
    } catch (RuntimeException e) {
      tracker.close();
      throw e;
    }
    tracker.sampler.start();
    return tracker;
  }

  /** {@return the newest sample, without waiting} */
  public MemorySample latest() {
    return latest;
  }

  /** {@return the newest samples, oldest first} */
  public List<MemorySample> history() {
    return history.all();
  }

  /** {@return why there is no newer sample, if the last reading failed} */
  public Optional<String> problem() {
    return Optional.ofNullable(problem);
  }

  private void sampleUntilClosed() {
    boolean attached = false;
    while (!stopping) {
      long pause = intervalNanos;
      try {
        if (!attached) {
          driver.attach();
          attached = true;
        }
        latest = sample();
        problem = null;
      } catch (RuntimeException e) {
        report(e);
        pause = Math.max(intervalNanos, RETRY_NANOS);
      }
      LockSupport.parkNanos(pause);
    }
  }

  private MemorySample sample() {
    Optional<MemoryLedger.Snapshot<CudaDriver.MemoryInfo>> snapshot =
        ledger.read(driver::memoryInfo);
    if (snapshot.isEmpty()) {
      return latest; // allocations follow one another without pause: the next reading will do
    }
    MemorySample sample = MemorySample.of(System.nanoTime(), snapshot.get(), cuda());
    history.add(sample);
    return sample;
  }

  private long cuda() {
    if (System.nanoTime() - processNanos >= PROCESS_NANOS) {
      processNanos = System.nanoTime();
      ledger.read(driver::processBytes).ifPresent(process -> processCuda = besideOurs(process));
    }
    return processCuda.orElseGet(device()::cudaBytes);
  }

  // A process that has less than we allocated is another one, of the same number elsewhere.
  private static OptionalLong besideOurs(MemoryLedger.Snapshot<OptionalLong> process) {
    long cuda = process.other().orElse(-1) - process.ours();
    return cuda < 0 ? OptionalLong.empty() : OptionalLong.of(cuda);
  }

  // Once, not hundreds of times a second, however long it goes on.
  private void report(RuntimeException failure) {
    if (problem == null) {
      LOG.log(System.Logger.Level.WARNING, "device memory cannot be read: " + failure.getMessage());
    }
    problem = failure.getMessage();
  }

  @Override
  String kind() {
    return "memory tracker";
  }

  @Override
  void release(CudaDriver unused) {
    stopping = true;
    LockSupport.unpark(sampler);
    boolean interrupted = false;
    while (sampler.isAlive()) {
      try {
        sampler.join();
      } catch (InterruptedException e) {
        interrupted = true; // the thread must not outlive the context: wait all the same
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
