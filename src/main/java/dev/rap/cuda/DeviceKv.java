package dev.rap.cuda;

import dev.rap.engine.ModelRunner;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/**
 * Keys and values of all layers on the device, {@code [L, blocks, K, 2, blockSize, Dh]} elements.
 *
 * <p>In a layer's array only the head groups have a place that a mask retains, {@code [blocks, R,
 * 2, blockSize, Dh]}: what is cached is to be repacked when the mask changes.
 */
final class DeviceKv implements AutoCloseable {
  // Stays in a GPU's L2 cache on its way, and is large enough for launches to be few.
  private static final long STAGING_BYTES = 16L << 20;

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final Element element;
  private final ModelConfig config;
  private final long groupBytes; // of one head group in one KvBlock
  private final long layerBytes;
  private final DeviceMemory memory;
  private final DeviceMemory staging;
  private final DeviceMemory ranks; // int32 [L, rankInts()]

  DeviceKv(CudaBackend.Parts parts, ModelRunner.Limits limits) {
    this(parts, limits.blocks(), STAGING_BYTES);
  }

  /**
   * @param stagingBytes most that is repacked at once, or one KvBlock
   */
  DeviceKv(CudaBackend.Parts parts, int blocks, long stagingBytes) {
    this.stream = parts.stream();
    this.kernels = parts.kernels();
    this.element = parts.weights().element();
    this.config = parts.weights().config();
    this.groupBytes = 2L * ModelRunner.BLOCK_SIZE * config.headSize() * Element.BYTES;
    long blockBytes = config.kvHeads() * groupBytes;
    this.layerBytes = blocks * blockBytes;
    CudaDevice device = parts.device();
    this.memory = device.allocate(config.layers() * layerBytes, MemoryOwner.KV);
    long staged = Math.max(blockBytes, Math.min(stagingBytes, layerBytes));
    this.staging = device.allocate(staged, MemoryOwner.WORKSPACE);
    this.ranks = device.allocate(config.layers() * rankBytes(), MemoryOwner.WORKSPACE);
  }

  // 16 bytes are what kernels take for granted.
  private int rankInts() {
    return Math.ceilDiv(config.kvHeads(), 4) * 4;
  }

  private long rankBytes() {
    return (long) rankInts() * Integer.BYTES;
  }

  CudaKernels.Kv layer(int layer) {
    return new CudaKernels.Kv(memory.address(layer * layerBytes), ModelRunner.BLOCK_SIZE);
  }

  /**
   * Queues what brings the cache from the layout of one mask to that of another. Of head groups
   * that {@code before} does not retain nothing is cached.
   *
   * @param blocks the first ones, of which no other is in use
   */
  void repack(RetentionMask before, RetentionMask after, int blocks) {
    if (blocks == 0) {
      return;
    }
    BitSet changed = new BitSet();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(ranks.bytes(), 64);
      for (int layer = 0; layer < config.layers(); layer++) {
        Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
        BitSet from = before.units(attention);
        BitSet to = after.units(attention);
        write(host.asSlice(layer * rankBytes(), rankBytes()), from, to);
        changed.set(layer, from.intersects(to) && !from.equals(to));
      }
      if (changed.isEmpty()) {
        return;
      }
      stream.upload(ranks, 0, host, host.byteSize());
    }
    changed.stream()
        .forEach(
            layer -> {
              Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
              repack(layer, before.count(attention), after.count(attention), blocks);
            });
  }

  // The place in the old layout of each group of the new one, or -1.
  private static void write(MemorySegment ranks, BitSet from, BitSet to) {
    int at = 0;
    for (int group = to.nextSetBit(0); group >= 0; group = to.nextSetBit(group + 1)) {
      int rank = from.get(group) ? from.get(0, group).cardinality() : -1;
      ranks.setAtIndex(ValueLayout.JAVA_INT, at++, rank);
    }
  }

  // In place, through the staging memory, in an order in which no KvBlock is overwritten before it
  // has moved: those that shrink move towards the first, those that grow away from it.
  private void repack(int layer, int oldGroups, int newGroups, int blocks) {
    long oldBytes = oldGroups * groupBytes;
    long newBytes = newGroups * groupBytes;
    int chunk = (int) Math.min(blocks, staging.bytes() / newBytes);
    int chunks = Math.ceilDiv(blocks, chunk);
    for (int i = 0; i < chunks; i++) {
      int first = chunk * (newGroups <= oldGroups ? i : chunks - 1 - i);
      int count = Math.min(chunk, blocks - first);
      kernels.pickGroups(
          stream.handle(),
          element,
          new CudaKernels.Kv(staging.address(), ModelRunner.BLOCK_SIZE),
          newGroups,
          memory.address(layer * layerBytes + first * oldBytes, count * oldBytes),
          oldGroups,
          ranks.address(layer * rankBytes()),
          count,
          config.headSize());
      stream.copy(memory, layer * layerBytes + first * newBytes, staging, 0, count * newBytes);
    }
  }

  @Override
  public void close() {
    memory.close();
    staging.close();
    ranks.close();
  }
}
