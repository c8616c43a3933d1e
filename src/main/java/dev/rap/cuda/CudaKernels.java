package dev.rap.cuda;

import java.lang.foreign.MemorySegment;

/**
 * The functions of {@code kernels/rap_cuda.h}, which says what each does; memory by address.
 *
 * <p>Each queues its work and returns. All throw {@link CudaException} if the library refuses.
 */
interface CudaKernels {
  /** Most tokens of {@link #rows}, {@link #gatedRows} and {@link #accumulate}. */
  int FEW_TOKENS = 64;

  /** Most tokens of a tile of {@link #attentionMany}. */
  int TILE_TOKENS = 64;

  /** The matrix rows that belong to retained units; {@code units} 0 stands for all. */
  record Units(long table, int unitRows) {
    static final Units ALL = new Units(0, 16);
  }

  /** KvBlocks of one layer, in which the retained head groups have a place. */
  record Kv(long blocks, int blockSize) {}

  /** K, G and Dh. */
  record Heads(int groups, int groupHeads, int headSize) {}

  /** Block tables {@code [S, stride]} and what sequences lack. */
  record Tables(long tables, int stride, long present) {}

  String buildInfo();

  void prepare();

  void rows(
      long stream,
      Element type,
      long y,
      long yStride,
      boolean yF32,
      long x,
      long xStride,
      int tokens,
      long w,
      int rows,
      int d,
      Units units);

  void gatedRows(
      long stream,
      Element type,
      long y,
      long yStride,
      long x,
      long xStride,
      int tokens,
      long gate,
      long up,
      long gateBias,
      long upBias,
      int rows,
      int d,
      Units units);

  void accumulate(
      long stream,
      Element type,
      long y,
      long x,
      long xStride,
      int tokens,
      long w,
      int rows,
      int d,
      Units units,
      long addend,
      long scratch);

  long accumulateScratch(int tokens, int d);

  void attentionOne(
      long stream,
      Element type,
      long y,
      long yStride,
      long qkv,
      long qkvStride,
      Heads heads,
      Kv kv,
      long positions,
      Tables tables,
      int sequences,
      long units,
      long scratch);

  long attentionScratch(int sequences, Heads heads);

  void attentionMany(
      long stream,
      Element type,
      long y,
      long yStride,
      long qkv,
      long qkvStride,
      Heads heads,
      Kv kv,
      long tiles,
      int tileCount,
      Tables tables,
      long units);

  void embed(long stream, Element type, long y, long table, long tokens, int count, int d);

  void rmsNorm(
      long stream,
      Element type,
      long y,
      long x,
      long weight,
      long rows,
      int tokens,
      int d,
      float eps);

  void ropeStore(
      long stream,
      Element type,
      long qkv,
      long qkvStride,
      long bias,
      int tokens,
      Heads heads,
      long cosSin,
      boolean interleaved,
      long positions,
      long slots,
      Kv kv,
      long units);

  void swiglu(
      long stream,
      Element type,
      long gate,
      long up,
      long gateBias,
      long upBias,
      long stride,
      int tokens,
      int channels,
      Units units);

  void addRow(long stream, long y, long row, int tokens, int d);

  void columnSums(
      long stream, Element type, long sums, long x, long stride, int tokens, int columns);

  void argmax(long stream, long y, long logits, int rows, int vocabulary);

  void sample(long stream, long y, long logits, int rows, int vocabulary, long draws);

  void logProbs(long stream, long y, long logits, int rows, int vocabulary, long targets);

  // x is PinnedMemory.
  void fetch(long stream, long y, MemorySegment x, long bytes);

  void copyBlocks(long stream, long x, long blockBytes, long pairs, int count);

  void pickGroups(
      long stream,
      Element type,
      Kv y,
      int yGroups,
      long x,
      int xGroups,
      long ranks,
      int blocks,
      int headSize);

  void convert(
      long stream,
      Element type,
      long y,
      long yColumns,
      long run,
      long runStride,
      long x,
      int stored,
      long firstRow,
      long rows,
      long columns,
      boolean transpose);

  void read(long stream, long x, long bytes, long sink);
}
