package dev.rap.cuda;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A GPU's context, and all that is made in it. It belongs to the thread that opened it: use from
 * another is an {@link IllegalStateException}.
 */
public final class CudaDevice implements AutoCloseable {
  private final CudaDriver driver;
  private final Thread thread = Thread.currentThread();
  private final MemoryLedger ledger = new MemoryLedger();
  private final AtomicLong cudaBytes;
  private final SequencedSet<DeviceResource> resources = new LinkedHashSet<>();
  private boolean closed;

  private CudaDevice(CudaDriver driver) {
    this.driver = driver;
    this.cudaBytes = new AtomicLong(driver.contextBytes());
  }

  /** {@return the owner of {@code driver} and its context from now on} */
  static CudaDevice open(CudaDriver driver) {
    driver.attach();
    return new CudaDevice(driver);
  }

  /** {@return what it is; for any thread} */
  public DeviceFacts facts() {
    return driver.facts();
  }

  /** {@return bytes allocated for {@code owner}; for any thread} */
  public long bytes(MemoryOwner owner) {
    return ledger.bytes(owner);
  }

  /** {@return whether a fault has ended what can be done with it; for any thread} */
  public boolean contextLost() {
    return driver.contextLost();
  }

  CudaDriver.MemoryInfo memoryInfo() {
    requireThread();
    return driver.memoryInfo();
  }

  /**
   * {@return new memory}
   *
   * @throws DeviceOutOfMemoryException if there is no room
   */
  DeviceMemory allocate(long bytes, MemoryOwner owner) {
    requireThread();
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive, was " + bytes);
    }
    ledger.beginChange();
    try {
      long address = driver.allocate(bytes);
      ledger.add(owner, bytes);
      return new DeviceMemory(this, address, bytes, owner);
    } finally {
      ledger.endChange();
    }
  }

  void free(DeviceMemory memory, long address) {
    ledger.beginChange();
    try {
      ledger.add(memory.owner(), -memory.bytes());
      driver.free(address);
    } finally {
      ledger.endChange();
    }
  }

  /** Notes that bytes have changed hands, which takes no call of the driver. */
  void handOver(MemoryOwner from, MemoryOwner to, long bytes) {
    ledger.beginChange();
    ledger.add(from, -bytes);
    ledger.add(to, bytes);
    ledger.endChange();
  }

  CudaStream newStream() {
    requireThread();
    return new CudaStream(this, driver.newStream());
  }

  CudaEvent newEvent() {
    requireThread();
    return new CudaEvent(this, driver.newEvent());
  }

  PinnedMemory newPinned(long bytes) {
    requireThread();
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive, was " + bytes);
    }
    return new PinnedMemory(this, driver.allocatePinned(bytes));
  }

  /**
   * Runs what makes CUDA take device memory for itself, such as loading kernels: what it takes
   * beside our allocations counts as CUDA's own.
   */
  void load(Runnable loading) {
    long before = unallocated();
    loading.run();
    cudaBytes.addAndGet(Math.max(0, before - unallocated()));
  }

  private long unallocated() {
    long ours = 0;
    for (MemoryOwner owner : MemoryOwner.values()) {
      ours += bytes(owner);
    }
    return memoryInfo().free() + ours;
  }

  /** {@return what CUDA was seen to take for itself, as far as it was seen; for any thread} */
  long cudaBytes() {
    return cudaBytes.get();
  }

  MemoryLedger ledger() {
    return ledger;
  }

  CudaDriver driver() {
    return driver;
  }

  void add(DeviceResource resource) {
    resources.add(resource);
  }

  void remove(DeviceResource resource) {
    resources.remove(resource);
  }

  void requireThread() {
    if (Thread.currentThread() != thread) {
      throw new IllegalStateException(
          "the GPU belongs to the thread '%s' and was used from '%s'"
              .formatted(thread.getName(), Thread.currentThread().getName()));
    }
    if (closed) {
      throw new IllegalStateException("the GPU is closed");
    }
  }

  /** Gives something back, which need not succeed once the context is lost. */
  void unlessLost(Runnable release) {
    try {
      release.run();
    } catch (CudaException e) {
      if (!e.contextLost()) {
        throw e;
      }
    }
  }

  /**
   * Gives back the context and all that is left in it.
   *
   * @throws IllegalStateException that names what was left, unless the context is lost
   */
  @Override
  public void close() {
    requireThread();
    List<DeviceResource> left = List.copyOf(resources.reversed());
    List<RuntimeException> failures = new ArrayList<>();
    for (DeviceResource resource : left) {
      attempt(failures, resource::close);
    }
    attempt(failures, () -> unlessLost(driver::close));
    closed = true;
    if (!left.isEmpty() && !contextLost()) {
      IllegalStateException leaks =
          new IllegalStateException(
              "the GPU was closed and these were not: " + DeviceResource.listOf(left));
      failures.forEach(leaks::addSuppressed);
      throw leaks;
    }
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  /** Gives everything back after a failure, which is what the caller is told of. */
  void abandon() {
    attempt(new ArrayList<>(), this::close);
  }

  private static void attempt(List<RuntimeException> failures, Runnable closing) {
    try {
      closing.run();
    } catch (RuntimeException e) {
      failures.add(e); // the rest must be given back all the same
    }
  }
}
