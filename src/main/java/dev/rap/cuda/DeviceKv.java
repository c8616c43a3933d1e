package dev.rap.cuda;

import dev.rap.engine.ModelRunner;
import dev.rap.model.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Keys and values of all layers on the device. A layer has its own addresses, {@code [blocks, R, 2,
 * blockSize, Dh]} elements, in which only the R head groups have a place that are in use; what is
 * cached is repacked when they change. Only pages are held that blocks and head groups need.
 *
 * <p>More blocks and more head groups need pages first: {@link #want} says how many of each there
 * will be, and {@link #work} makes them and gives back those that are not needed any more, piece by
 * piece.
 */
final class DeviceKv implements AutoCloseable {
  // Stays in a GPU's L2 cache on its way, and is large enough for launches to be few.
  private static final long STAGING_BYTES = 16L << 20;

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final Element element;
  private final ModelConfig config;
  private final long groupBytes; // of one head group in one KvBlock
  private final List<ElasticMemory> layers = new ArrayList<>();
  private final List<int[]> orders = new ArrayList<>(); // by layer: head groups by their places
  private final DeviceMemory staging;
  private final DeviceMemory ranks; // int32 [L, rankInts()]
  private final DeviceMemory moves; // int32 [blocks, 2]
  private final CudaEvent settled; // after the last step that could use what is not needed
  private final int[] wantedGroups; // by layer
  private final int most;
  private int blocks;
  private int wantedBlocks;
  private boolean busy; // whether there may be pages to make or to give back

  DeviceKv(CudaBackend.Parts parts, ModelRunner.Limits limits, List<int[]> groups) {
    this(parts, limits.blocks(), groups, STAGING_BYTES);
  }

  /**
   * Holds {@code blocks} KvBlocks of some head groups.
   *
   * @param blocks the most there will be
   * @param groups by layer, in the order of their places
   * @param stagingBytes most that is repacked at once, or one KvBlock
   * @throws DeviceOutOfMemoryException if there is no room
   */
  DeviceKv(CudaBackend.Parts parts, int blocks, List<int[]> groups, long stagingBytes) {
    this.stream = parts.stream();
    this.kernels = parts.kernels();
    this.element = parts.weights().element();
    this.config = parts.weights().config();
    this.groupBytes = 2L * ModelRunner.BLOCK_SIZE * config.headSize() * Element.BYTES;
    this.most = blocks;
    this.blocks = blocks;
    this.wantedBlocks = blocks;
    this.wantedGroups = groups.stream().mapToInt(some -> some.length).toArray();
    CudaDevice device = parts.device();
    this.settled = device.newEvent();
    long blockBytes = config.kvHeads() * groupBytes;
    long staged = Math.max(blockBytes, Math.min(stagingBytes, blocks * blockBytes));
    this.staging = device.allocate(staged, MemoryOwner.WORKSPACE);
    this.moves = device.allocate(2L * blocks * Integer.BYTES, MemoryOwner.WORKSPACE);
    this.ranks = device.allocate(config.layers() * rankBytes(), MemoryOwner.WORKSPACE);
    for (int layer = 0; layer < config.layers(); layer++) {
      orders.add(groups.get(layer).clone());
      layers.add(ElasticMemory.reserve(parts.pool(), blocks * blockBytes, MemoryOwner.KV));
      layers.getLast().grow(wantedBytes(layer));
    }
  }

  // 16 bytes are what kernels take for granted.
  private int rankInts() {
    return Math.ceilDiv(config.kvHeads(), 4) * 4;
  }

  private long rankBytes() {
    return (long) rankInts() * Integer.BYTES;
  }

  CudaKernels.Kv layer(int layer) {
    return new CudaKernels.Kv(layers.get(layer).address(), ModelRunner.BLOCK_SIZE);
  }

  /** {@return the most blocks there can be} */
  int most() {
    return most;
  }

  /**
   * Says how many blocks and head groups there will be.
   *
   * @param groups by layer
   */
  void want(int blocks, int[] groups) {
    wantedBlocks = blocks;
    System.arraycopy(groups, 0, wantedGroups, 0, groups.length);
    busy = true;
  }

  int[] wantedGroups() {
    return wantedGroups;
  }

  /** {@return whether {@link #work} may have something to do, now or later} */
  boolean isBusy() {
    return busy;
  }

  /** {@return how many blocks are wanted} */
  int wantedBlocks() {
    return wantedBlocks;
  }

  /** {@return whether there are pages for all that is wanted} */
  boolean has() {
    for (int layer = 0; layer < layers.size(); layer++) {
      if (layers.get(layer).missing(wantedBytes(layer)) > 0) {
        return false;
      }
    }
    return true;
  }

  // More blocks may come before fewer head groups do.
  private long wantedBytes(int layer) {
    int groups = Math.max(wantedGroups[layer], orders.get(layer).length);
    return (long) wantedBlocks * groups * groupBytes;
  }

  private long usedBytes(int layer) {
    return (long) blocks * orders.get(layer).length * groupBytes;
  }

  /**
   * Gives pages back, or makes some.
   *
   * @return whether there was something that could be done now
   * @throws DeviceOutOfMemoryException if the device has no room; all is as before
   */
  boolean work() {
    boolean mayShrink = settled.reached();
    for (int layer = 0; layer < layers.size(); layer++) {
      ElasticMemory memory = layers.get(layer);
      long needed = Math.max(usedBytes(layer), wantedBytes(layer));
      if (memory.growPiece(needed) || (mayShrink && memory.shrinkPiece(needed))) {
        return true;
      }
    }
    busy = !mayShrink;
    return false;
  }

  /**
   * Has so many blocks from now on, for all of which there are pages. Those behind are not in use.
   */
  void resize(int changed) {
    blocks = changed;
    busy = true;
    stream.record(settled);
  }

  /**
   * Queues copies of whole KvBlocks.
   *
   * @param pairs block numbers, from and to
   */
  void move(int[] pairs) {
    if (pairs.length == 0) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate((long) pairs.length * Integer.BYTES, 64);
      MemorySegment.copy(pairs, 0, host, ValueLayout.JAVA_INT, 0, pairs.length);
      stream.upload(moves, 0, host, host.byteSize());
    }
    for (int layer = 0; layer < layers.size(); layer++) {
      kernels.copyBlocks(
          stream.handle(),
          layers.get(layer).address(),
          orders.get(layer).length * groupBytes,
          moves.address(),
          pairs.length / 2);
    }
  }

  /**
   * Queues what brings the cache to another layout. Pages for it are there.
   *
   * @param changed by layer, the head groups by their places; of those that are not in use now
   *     nothing is cached
   * @param used blocks, the first ones: no other is in use
   */
  void repack(List<int[]> changed, int used) {
    List<Integer> moving = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(ranks.bytes(), 64);
      for (int layer = 0; layer < config.layers(); layer++) {
        int[] places = places(orders.get(layer), changed.get(layer));
        MemorySegment.copy(
            places, 0, host, ValueLayout.JAVA_INT, layer * rankBytes(), places.length);
        boolean isSame = Arrays.equals(orders.get(layer), changed.get(layer));
        if (used > 0 && !isSame && Arrays.stream(places).anyMatch(place -> place >= 0)) {
          moving.add(layer);
        }
      }
      if (!moving.isEmpty()) {
        stream.upload(ranks, 0, host, host.byteSize());
      }
    }
    for (int layer : moving) {
      repack(layer, orders.get(layer).length, changed.get(layer).length, used);
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      orders.set(layer, changed.get(layer).clone());
    }
    busy = true;
    stream.record(settled);
  }

  // The place in the old layout of each group of the new one, or -1.
  private static int[] places(int[] from, int[] to) {
    int[] places = new int[to.length];
    Arrays.fill(places, -1);
    for (int i = 0; i < to.length; i++) {
      for (int j = 0; j < from.length; j++) {
        if (from[j] == to[i]) {
          places[i] = j;
        }
      }
    }
    return places;
  }

  // In place, through the staging memory, in an order in which no KvBlock is overwritten before it
  // has moved: those that shrink move towards the first, those that grow away from it.
  private void repack(int layer, int oldGroups, int newGroups, int used) {
    ElasticMemory memory = layers.get(layer);
    long oldBytes = oldGroups * groupBytes;
    long newBytes = newGroups * groupBytes;
    int chunk = (int) Math.min(used, staging.bytes() / newBytes);
    int chunks = Math.ceilDiv(used, chunk);
    for (int i = 0; i < chunks; i++) {
      int first = chunk * (newGroups <= oldGroups ? i : chunks - 1 - i);
      int count = Math.min(chunk, used - first);
      kernels.pickGroups(
          stream.handle(),
          element,
          new CudaKernels.Kv(staging.address(), ModelRunner.BLOCK_SIZE),
          newGroups,
          memory.address(first * oldBytes, count * oldBytes),
          oldGroups,
          ranks.address(layer * rankBytes()),
          count,
          config.headSize());
      stream.copy(memory, first * newBytes, staging, 0, count * newBytes);
    }
  }

  @Override
  public void close() {
    layers.forEach(ElasticMemory::close);
    staging.close();
    ranks.close();
    moves.close();
    settled.close();
  }
}
