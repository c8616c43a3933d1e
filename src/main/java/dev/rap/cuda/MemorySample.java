package dev.rap.cuda;

/**
 * How the memory of a device was used at one moment, in bytes. What follows {@code total} adds up
 * to it, with {@code free}.
 *
 * @param nanos of {@link System#nanoTime}
 * @param free of the device
 * @param total of the device
 * @param weights allocated by this process
 * @param kv allocated by this process
 * @param workspace allocated by this process
 * @param spare pages of this process that lie ready
 * @param cuda what CUDA has in this process beside them: context, kernels, cuBLAS
 * @param others all the rest: other processes, and what of CUDA's could not be told from them
 */
public record MemorySample(
    long nanos,
    long free,
    long total,
    long weights,
    long kv,
    long workspace,
    long spare,
    long cuda,
    long others) {

  /** {@return bytes that this process could have: what it allocated, and what is free} */
  public long available() {
    return free + weights + kv + workspace + spare;
  }

  /** Splits what is in use, of which {@code cuda} bytes at most are CUDA's own. */
  static MemorySample of(
      long nanos, MemoryLedger.Snapshot<CudaDriver.MemoryInfo> snapshot, long cuda) {
    CudaDriver.MemoryInfo device = snapshot.other();
    long rest = device.total() - device.free() - snapshot.ours();
    long own = Math.clamp(cuda, 0, Math.max(0, rest));
    return new MemorySample(
        nanos,
        device.free(),
        device.total(),
        snapshot.weights(),
        snapshot.kv(),
        snapshot.workspace(),
        snapshot.spare(),
        own,
        rest - own);
  }
}
