package dev.rap.kv;

import dev.rap.kernels.KvLayer;
import dev.rap.model.ModelConfig;
import dev.rap.natives.PageMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values of all layers, F16. Pages are taken from the operating system as they are written
 * and given back when a head group is dropped or slots are.
 */
public final class KvCache implements AutoCloseable {
  private static final int ELEMENT_BYTES = 2;

  private final PageMemory memory;
  private final List<KvLayer> layers = new ArrayList<>();
  private final int headGroups;
  private final long slotBytes; // a key, or a value, of one head group of one layer
  private final long groupBytes; // all its keys, or values

  /**
   * @param slots tokens that fit, of all sequences together
   */
  public KvCache(ModelConfig config, int slots) {
    this.headGroups = config.kvHeads();
    this.slotBytes = (long) config.headSize() * ELEMENT_BYTES;
    long groupStride = Math.multiplyExact((long) slots, config.headSize());
    this.groupBytes = Math.multiplyExact(groupStride, ELEMENT_BYTES);
    long halfBytes = Math.multiplyExact(groupBytes, headGroups);
    this.memory = PageMemory.reserve(Math.multiplyExact(halfBytes, 2L * config.layers()));
    for (int layer = 0; layer < config.layers(); layer++) {
      long keys = 2L * layer * halfBytes;
      layers.add(
          new KvLayer(
              memory.segment().asSlice(keys, halfBytes),
              memory.segment().asSlice(keys + halfBytes, halfBytes),
              groupStride,
              config.headSize()));
    }
  }

  public KvLayer layer(int layer) {
    return layers.get(layer);
  }

  /** {@return the bytes of keys and values of one head group of one layer in so many slots} */
  public long groupBytes(int slots) {
    return 2L * slots * slotBytes;
  }

  /** Gives the memory of a head group back. Its keys and values are lost. */
  public void drop(int layer, int headGroup) {
    keepFirst(layer, headGroup, 0);
  }

  /** Gives the memory of a head group back, but for its first slots. The others are lost. */
  public void keepFirst(int layer, int headGroup, int slots) {
    long kept = slots * slotBytes;
    memory.release(keys(layer, headGroup) + kept, groupBytes - kept);
    memory.release(values(layer, headGroup) + kept, groupBytes - kept);
  }

  /**
   * Copies KvBlocks of a head group.
   *
   * @param pairs block numbers, from and to; no block is the target of one and part of another
   * @param blockSize token slots of a block
   */
  public void move(int layer, int headGroup, int[] pairs, int blockSize) {
    long blockBytes = blockSize * slotBytes;
    MemorySegment all = memory.segment();
    for (long half : new long[] {keys(layer, headGroup), values(layer, headGroup)}) {
      for (int i = 0; i < pairs.length; i += 2) {
        long from = half + pairs[i] * blockBytes;
        MemorySegment.copy(all, from, all, half + pairs[i + 1] * blockBytes, blockBytes);
      }
    }
  }

  private long keys(int layer, int headGroup) {
    return (2L * layer * headGroups + headGroup) * groupBytes;
  }

  private long values(int layer, int headGroup) {
    return keys(layer, headGroup) + headGroups * groupBytes;
  }

  @Override
  public void close() {
    memory.close();
  }
}
