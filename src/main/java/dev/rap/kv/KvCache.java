package dev.rap.kv;

import dev.rap.kernels.KvLayer;
import dev.rap.model.ModelConfig;
import dev.rap.natives.PageMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values of all layers, F16. Pages are taken from the operating system as they are written
 * and given back when a head group is dropped.
 */
public final class KvCache implements AutoCloseable {
  private static final int ELEMENT_BYTES = 2;

  private final PageMemory memory;
  private final List<KvLayer> layers = new ArrayList<>();
  private final int headGroups;
  private final long groupBytes; // keys, or values, of one head group of one layer

  /**
   * @param slots tokens that fit, of all sequences together
   */
  public KvCache(ModelConfig config, int slots) {
    this.headGroups = config.kvHeads();
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

  /** Gives the memory of a head group back. Its keys and values are lost. */
  public void drop(int layer, int headGroup) {
    long keys = (2L * layer * headGroups + headGroup) * groupBytes;
    memory.release(keys, groupBytes);
    memory.release(keys + headGroups * groupBytes, groupBytes);
  }

  @Override
  public void close() {
    memory.close();
  }
}
