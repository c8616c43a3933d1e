package dev.rap.kv;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rap.kernels.TokenBatch;
import dev.rap.model.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The tokens of one step, laid out for the kernels. Filled anew for each step; owns its memory. */
public final class StepBatch implements AutoCloseable {
  private final int stepTokens;
  private final int maxSequences;
  private final int blockSize;
  private final int tableStride;
  private final int layers;
  private final int headGroups;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment tokenIds; // [T]
  private final MemorySegment positions; // [T]
  private final MemorySegment sequenceOf; // [T]
  private final MemorySegment slots; // [T]
  private final MemorySegment tables; // [S, tableStride]
  private final MemorySegment present; // bytes [L, S, K]
  private final MemorySegment[] presentOf; // each layer's

  private int tokens;
  private int sequences;
  private TokenBatch layout; // last asked for

  /**
   * @param stepTokens most tokens of a step
   * @param maxSequences most sequences of a step
   * @param contextLength most tokens of a sequence
   */
  public StepBatch(
      ModelConfig config, int stepTokens, int maxSequences, int contextLength, int blockSize) {
    this.stepTokens = stepTokens;
    this.maxSequences = maxSequences;
    this.blockSize = blockSize;
    this.tableStride = Math.ceilDiv(contextLength, blockSize);
    this.layers = config.layers();
    this.headGroups = config.kvHeads();
    this.tokenIds = ints(stepTokens);
    this.positions = ints(stepTokens);
    this.sequenceOf = ints(stepTokens);
    this.slots = ints(stepTokens);
    this.tables = ints((long) maxSequences * tableStride);
    long layerBytes = (long) maxSequences * headGroups;
    this.present = arena.allocate(layers * layerBytes, 64);
    this.presentOf = new MemorySegment[layers];
    Arrays.setAll(presentOf, layer -> present.asSlice(layer * layerBytes, layerBytes));
  }

  private MemorySegment ints(long elements) {
    return arena.allocate(Integer.BYTES * elements, 64);
  }

  /** Empties the step. */
  public void clear() {
    tokens = 0;
    sequences = 0;
  }

  /** {@return tokens that can still be added} */
  public int room() {
    return sequences == maxSequences ? 0 : stepTokens - tokens;
  }

  /** {@return sequences added so far} */
  public int sequences() {
    return sequences;
  }

  /** {@return tokens added so far} */
  public int tokens() {
    return tokens;
  }

  /**
   * Adds the tokens at positions {@code [first, first + count)} of a sequence.
   *
   * @param ids of the sequence's tokens, by position
   * @param table must hold {@code first + count} tokens
   * @param presence bytes {@code [L, K]}: 0 where keys of earlier positions are missing
   */
  public void add(int[] ids, int first, int count, BlockTable table, byte[] presence) {
    if (count < 1 || count > room() || table.blocks() > tableStride) {
      throw new IllegalArgumentException(
          "a sequence must add 1 to %d tokens in at most %d KvBlocks, had %d in %d"
              .formatted(room(), tableStride, count, table.blocks()));
    }
    for (int i = 0; i < count; i++) {
      int position = first + i;
      int row = tokens + i;
      tokenIds.setAtIndex(JAVA_INT, row, ids[position]);
      positions.setAtIndex(JAVA_INT, row, position);
      sequenceOf.setAtIndex(JAVA_INT, row, sequences);
      slots.setAtIndex(
          JAVA_INT, row, table.block(position / blockSize) * blockSize + position % blockSize);
    }
    for (int i = 0; i < table.blocks(); i++) {
      tables.setAtIndex(JAVA_INT, (long) sequences * tableStride + i, table.block(i));
    }
    for (int layer = 0; layer < layers; layer++) {
      long row = ((long) layer * maxSequences + sequences) * headGroups;
      MemorySegment.copy(presence, layer * headGroups, present, JAVA_BYTE, row, headGroups);
    }
    tokens += count;
    sequences++;
  }

  /** {@return int32 {@code [tokens]}} */
  public MemorySegment tokenIds() {
    return tokenIds;
  }

  /** {@return where the tokens added so far belong} */
  public TokenBatch layout() {
    if (layout == null || layout.tokens() != tokens || layout.sequences() != sequences) {
      layout =
          new TokenBatch(
              tokens, sequences, positions, sequenceOf, slots, tables, tableStride, blockSize);
    }
    return layout;
  }

  /** {@return bytes {@code [L, S, K]} of all layers, S of as many as a step may have} */
  public MemorySegment present() {
    return present;
  }

  /** {@return bytes {@code [S, K]} of one layer, for {@code Kernels.attention}} */
  public MemorySegment present(int layer) {
    return presentOf[layer];
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
