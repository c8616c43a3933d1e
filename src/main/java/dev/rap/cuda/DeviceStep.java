package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rap.engine.ModelRunner;
import dev.rap.kernels.TokenBatch;
import dev.rap.kv.StepBatch;
import dev.rap.model.ModelConfig;
import java.lang.foreign.MemorySegment;

/**
 * The tokens of a step on the device: where they belong, in one block that one kernel brings over.
 *
 * <p>Sequences of one token come first, as the engine schedules them; the tokens of the others are
 * cut into tiles for attention.
 */
final class DeviceStep implements AutoCloseable {
  private static final int PADDING = -1;
  private static final int TILE_INTS = 4;

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final ElasticWeights elastic;
  private final int stepTokens;
  private final int layers;
  private final int tableStride;
  private final long presentBytes; // of one layer
  private final long tilesOffset;
  private final long presentOffset;
  private final long tablesOffset;
  private final PinnedMemory pinned;
  private final DeviceMemory memory;
  private final CudaEvent uploaded;

  private int tokens;
  private int ones; // sequences of one token, at the front
  private int tiles;

  DeviceStep(CudaBackend.Parts parts, ModelRunner.Limits limits) {
    this.stream = parts.stream();
    this.kernels = parts.kernels();
    this.elastic = parts.elastic();
    CudaDevice device = parts.device();
    ModelConfig config = parts.weights().config();
    int padded = Math.ceilDiv(Math.max(limits.stepTokens(), CudaKernels.FEW_TOKENS), 4) * 4;
    this.stepTokens = padded;
    this.layers = config.layers();
    this.tableStride = Math.ceilDiv(limits.contextLength(), ModelRunner.BLOCK_SIZE);
    this.presentBytes = (long) limits.sequences() * config.kvHeads();
    int mostTiles = limits.stepTokens() / CudaKernels.TILE_TOKENS + limits.sequences();
    this.tilesOffset = 3L * padded * Integer.BYTES;
    this.presentOffset = tilesOffset + (long) mostTiles * TILE_INTS * Integer.BYTES;
    this.tablesOffset = roundedUp(presentOffset + layers * presentBytes);
    int rows = Math.max(limits.sequences(), CudaKernels.FEW_TOKENS);
    long bytes = roundedUp(tablesOffset + (long) rows * tableStride * Integer.BYTES);
    this.pinned = device.newPinned(bytes);
    this.memory = device.allocate(bytes, MemoryOwner.WORKSPACE);
    this.uploaded = device.newEvent();
  }

  // The kernel brings 16 bytes at once.
  private static long roundedUp(long bytes) {
    return Math.ceilDiv(bytes, 16) * 16;
  }

  /**
   * Takes the tokens of {@code batch}; those of the step before must not be needed any more.
   *
   * @param paddedTokens tokens that kernels will be told; those that {@code batch} lacks are
   *     padding
   */
  void fill(StepBatch batch, int paddedTokens) {
    uploaded.await();
    MemorySegment host = pinned.segment();
    TokenBatch layout = batch.layout();
    long bytes = (long) layout.tokens() * Integer.BYTES;
    MemorySegment.copy(batch.tokenIds(), 0, host, 0, bytes);
    MemorySegment.copy(layout.positions(), 0, host, column(1), bytes);
    MemorySegment.copy(layout.slots(), 0, host, column(2), bytes);
    for (int column = 0; column < 3; column++) {
      for (int t = layout.tokens(); t < paddedTokens; t++) {
        host.set(JAVA_INT, column(column) + (long) t * Integer.BYTES, PADDING);
      }
    }
    MemorySegment.copy(batch.present(), 0, host, presentOffset, layers * presentBytes);
    for (int layer = 0; layer < layers; layer++) {
      UnitSlots groups = elastic.slots(2 * layer);
      if (!groups.isHome()) {
        place(batch.present(layer), groups, presentOffset + layer * presentBytes);
      }
    }
    long tableBytes = (long) layout.sequences() * tableStride * Integer.BYTES;
    MemorySegment.copy(layout.blockTables(), 0, host, tablesOffset, tableBytes);
    tokens = paddedTokens;
    cut(layout);
    if (tiles == 0) {
      ones = paddedTokens;
    }
  }

  // Kernels know head groups by their slots.
  private void place(MemorySegment present, UnitSlots groups, long offset) {
    for (long row = 0; row < presentBytes; row += groups.size()) {
      for (int slot = 0; slot < groups.count(); slot++) {
        byte flag = present.get(JAVA_BYTE, row + groups.unitAt(slot));
        pinned.segment().set(JAVA_BYTE, offset + row + slot, flag);
      }
    }
  }

  private long column(int index) {
    return (long) index * stepTokens * Integer.BYTES;
  }

  private void cut(TokenBatch layout) {
    ones = 0;
    tiles = 0;
    int first = 0;
    while (first < layout.tokens()) {
      int sequence = layout.sequenceOf().getAtIndex(JAVA_INT, first);
      int end = first + 1;
      while (end < layout.tokens() && layout.sequenceOf().getAtIndex(JAVA_INT, end) == sequence) {
        end++;
      }
      if (end == first + 1 && ones == first) {
        ones++;
      } else {
        addTiles(layout, sequence, first, end);
      }
      first = end;
    }
  }

  private void addTiles(TokenBatch layout, int sequence, int first, int end) {
    for (int t = first; t < end; t += CudaKernels.TILE_TOKENS) {
      long tile = tilesOffset + (long) tiles++ * TILE_INTS * Integer.BYTES;
      MemorySegment host = pinned.segment();
      host.set(JAVA_INT, tile, sequence);
      host.set(JAVA_INT, tile + 4, t);
      host.set(JAVA_INT, tile + 8, Math.min(CudaKernels.TILE_TOKENS, end - t));
      host.set(JAVA_INT, tile + 12, layout.positions().getAtIndex(JAVA_INT, t));
    }
  }

  /** Queues the copy of what {@link #fill} took. May be captured; see {@link #uploadQueued}. */
  void upload(int sequences) {
    long bytes = tablesOffset + (long) sequences * tableStride * Integer.BYTES;
    kernels.fetch(stream.handle(), memory.address(), pinned.segment(), roundedUp(bytes));
  }

  /** To be called after the copy was queued, by itself or in a graph. */
  void uploadQueued() {
    stream.record(uploaded);
  }

  /** {@return tokens of the step, padding included} */
  int tokens() {
    return tokens;
  }

  /** {@return how many sequences of one token there are, which come first, padding included} */
  int ones() {
    return ones;
  }

  int tileCount() {
    return tiles;
  }

  long tokenIds() {
    return memory.address(column(0));
  }

  long positions() {
    return memory.address(column(1));
  }

  long slots() {
    return memory.address(column(2));
  }

  long tiles() {
    return memory.address(tilesOffset);
  }

  CudaKernels.Tables tables(int layer) {
    return new CudaKernels.Tables(
        memory.address(tablesOffset),
        tableStride,
        memory.address(presentOffset + layer * presentBytes));
  }

  @Override
  public void close() {
    pinned.close();
    memory.close();
    uploaded.close();
  }
}
