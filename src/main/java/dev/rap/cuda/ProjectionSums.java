package dev.rap.cuda;

import dev.rap.model.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Sums over the tokens of a step, made on the device and added on the host. */
final class ProjectionSums implements AutoCloseable {
  private final CudaBackend.Parts parts;
  private final PinnedMemory pinned; // F64 [columns]
  private final DeviceMemory memory; // the same

  ProjectionSums(CudaBackend.Parts parts, ModelConfig config) {
    this.parts = parts;
    long bytes = (long) Math.max(config.querySize(), config.feedForwardSize()) * Double.BYTES;
    this.pinned = parts.device().newPinned(bytes);
    this.memory = parts.device().allocate(bytes, MemoryOwner.WORKSPACE);
  }

  /**
   * @param x {@code [tokens, sums.length]} elements
   */
  void add(long x, int tokens, double[] sums) {
    CudaStream stream = parts.stream();
    stream.fill(memory, 0, (byte) 0, memory.bytes());
    parts
        .kernels()
        .columnSums(
            stream.handle(),
            parts.weights().element(),
            memory.address(),
            x,
            sums.length,
            tokens,
            sums.length);
    MemorySegment host = pinned.segment();
    stream.download(host, memory, 0, (long) sums.length * Double.BYTES);
    stream.synchronize();
    for (int c = 0; c < sums.length; c++) {
      sums[c] += host.getAtIndex(ValueLayout.JAVA_DOUBLE, c);
    }
  }

  @Override
  public void close() {
    pinned.close();
    memory.close();
  }
}
