package dev.rap.cuda;

import dev.rap.engine.ModelRunner;
import dev.rap.model.ModelConfig;

/** Keys and values of all layers on the device, {@code [L, 2, K, slots, Dh]} elements. */
final class DeviceKv implements AutoCloseable {
  private final DeviceMemory memory;
  private final long groupStride;
  private final long halfBytes; // keys, or values, of one layer

  DeviceKv(CudaDevice device, ModelConfig config, ModelRunner.Limits limits) {
    long slots = (long) limits.blocks() * ModelRunner.BLOCK_SIZE;
    this.groupStride = slots * config.headSize();
    this.halfBytes = groupStride * config.kvHeads() * Element.BYTES;
    this.memory = device.allocate(2L * config.layers() * halfBytes, MemoryOwner.KV);
  }

  CudaKernels.Kv layer(int layer) {
    return new CudaKernels.Kv(
        memory.address(2L * layer * halfBytes),
        memory.address((2L * layer + 1) * halfBytes),
        groupStride);
  }

  @Override
  public void close() {
    memory.close();
  }
}
