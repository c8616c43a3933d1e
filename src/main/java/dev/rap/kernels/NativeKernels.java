package dev.rap.kernels;

import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * The kernels in C, {@code native/}, on a team of threads.
 *
 * <p>Sums are float32. What is rounded on the way, and where, is said at {@link Isa}.
 */
final class NativeKernels implements Kernels {
  // enum rap_status in native/rap_cpu.h
  private static final int OK = 0;
  private static final int NO_MEMORY = 1;
  private static final int BAD_INDEX = 2;

  private final Team team;
  private final String description;

  /**
   * @param threads the caller included
   * @param isa at most {@link Team#bestIsa()}
   */
  NativeKernels(int threads, Isa isa) {
    this.team = new Team(threads, isa);
    this.description =
        "native %s, %d %s"
            .formatted(
                isa.name().toLowerCase(Locale.ROOT), threads, threads == 1 ? "thread" : "threads");
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public void embed(MemorySegment y, Tensor table, MemorySegment tokens, int count) {
    Require.count("count", count);
    Require.rows("y", y, count, table.columns(), table.columns());
    Require.bytes("tokens", tokens, 4L * count);
    int status;
    try {
      status =
          (int)
              CpuFunctions.EMBED.invokeExact(
                  team.address(),
                  y,
                  table.dtype().ggmlId(),
                  table.data(),
                  (long) table.rows(),
                  (long) table.columns(),
                  tokens,
                  count);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void rmsNorm(
      MemorySegment y,
      MemorySegment x,
      int stride,
      int tokens,
      Tensor weight,
      float eps,
      Ranges columns,
      boolean accumulate) {
    int size = weight.columns();
    Require.count("tokens", tokens);
    Require.f32Row("weight", weight);
    Require.wholeRuns(columns, size);
    Require.rows("y", y, tokens, stride, Require.end(columns));
    Require.rows("x", x, tokens, stride, Require.end(columns));
    int status;
    try {
      status =
          (int)
              CpuFunctions.RMS_NORM.invokeExact(
                  team.address(),
                  y,
                  x,
                  (long) stride,
                  tokens,
                  weight.data(),
                  (long) size,
                  eps,
                  columns.segment(),
                  columns.count(),
                  accumulate ? 1 : 0);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void scale(MemorySegment x, int rows, int columns, float factor) {
    onElements(CpuFunctions.SCALE, x, rows, columns, factor);
  }

  @Override
  public void softCap(MemorySegment x, int rows, int columns, float cap) {
    onElements(CpuFunctions.SOFT_CAP, x, rows, columns, cap);
  }

  @Override
  public void multiplyAdds(MemorySegment x, int elements, float factor, float addend, int rounds) {
    Require.count("elements", elements);
    Require.bytes("x", x, 4L * elements);
    int status;
    try {
      status =
          (int)
              CpuFunctions.MULTIPLY_ADDS.invokeExact(
                  team.address(), x, elements, factor, addend, rounds);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  private void onElements(
      MethodHandle operation, MemorySegment x, int rows, int columns, float number) {
    Require.count("rows", rows);
    Require.rows("x", x, rows, columns, columns);
    int status;
    try {
      status = (int) operation.invokeExact(team.address(), x, rows, (long) columns, number);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void matmul(
      MemorySegment y,
      int yStride,
      MemorySegment x,
      int xStride,
      int tokens,
      Tensor w,
      Ranges rows,
      Ranges columns,
      boolean accumulate) {
    Require.count("tokens", tokens);
    Require.within("rows", rows, w.rows());
    Require.within("columns", columns, w.columns());
    Require.groups(columns, w);
    Require.rows("y", y, tokens, yStride, Require.end(rows));
    Require.rows("x", x, tokens, xStride, Require.end(columns));
    int status;
    try {
      status =
          (int)
              CpuFunctions.MATMUL.invokeExact(
                  team.address(),
                  y,
                  (long) yStride,
                  x,
                  (long) xStride,
                  tokens,
                  w.dtype().ggmlId(),
                  w.data(),
                  w.rowBytes(),
                  rows.segment(),
                  rows.count(),
                  columns.segment(),
                  columns.count(),
                  accumulate ? 1 : 0);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void gatedMatmul(
      MemorySegment y,
      int yStride,
      MemorySegment x,
      int xStride,
      int tokens,
      Tensor gate,
      Tensor up,
      MemorySegment gateBias,
      MemorySegment upBias,
      Activation activation,
      Ranges rows) {
    if (gate.rows() != up.rows() || gate.columns() != up.columns()) {
      throw new IllegalArgumentException(
          "gate and up must have one shape, were [%d, %d] and [%d, %d]"
              .formatted(gate.rows(), gate.columns(), up.rows(), up.columns()));
    }
    Require.count("tokens", tokens);
    Require.within("rows", rows, gate.rows());
    Require.rows("y", y, tokens, yStride, Require.end(rows));
    Require.rows("x", x, tokens, xStride, gate.columns());
    Require.bias("gateBias", gateBias, rows);
    Require.bias("upBias", upBias, rows);
    int status;
    try {
      status =
          (int)
              CpuFunctions.GATED_MATMUL.invokeExact(
                  team.address(),
                  y,
                  (long) yStride,
                  x,
                  (long) xStride,
                  tokens,
                  gate.dtype().ggmlId(),
                  gate.data(),
                  gate.rowBytes(),
                  gateBias,
                  up.dtype().ggmlId(),
                  up.data(),
                  up.rowBytes(),
                  upBias,
                  activation == Activation.GELU_TANH ? 1 : 0,
                  rows.segment(),
                  rows.count(),
                  gate.columns());
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void addRow(MemorySegment y, int yStride, int tokens, MemorySegment row, Ranges columns) {
    Require.count("tokens", tokens);
    Require.rows("y", y, tokens, yStride, Require.end(columns));
    Require.bytes("row", row, 4L * Require.end(columns));
    int status;
    try {
      status =
          (int)
              CpuFunctions.ADD_ROW.invokeExact(
                  team.address(),
                  y,
                  (long) yStride,
                  tokens,
                  row,
                  columns.segment(),
                  columns.count());
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void rope(
      MemorySegment x,
      int xStride,
      int tokens,
      MemorySegment cosSin,
      int rotarySize,
      int headSize,
      RopePairing pairing,
      Ranges columns) {
    Require.count("tokens", tokens);
    Require.wholeRuns(columns, headSize);
    Require.rows("x", x, tokens, xStride, Require.end(columns));
    Require.pairs("rotarySize", rotarySize, headSize);
    Require.rows("cosSin", cosSin, tokens, rotarySize, rotarySize);
    int status;
    try {
      status =
          (int)
              CpuFunctions.ROPE.invokeExact(
                  team.address(),
                  x,
                  (long) xStride,
                  tokens,
                  cosSin,
                  rotarySize,
                  headSize,
                  pairing == RopePairing.INTERLEAVED ? 1 : 0,
                  columns.segment(),
                  columns.count());
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void storeKv(
      KvLayer cache,
      MemorySegment k,
      MemorySegment v,
      int stride,
      TokenBatch batch,
      Ranges headGroups) {
    int width = Math.multiplyExact(Require.end(headGroups), cache.headSize());
    Require.within("headGroups", headGroups, cache.headGroups());
    Require.rows("k", k, batch.tokens(), stride, width);
    Require.rows("v", v, batch.tokens(), stride, width);
    Require.bytes("values", cache.values(), cache.keys().byteSize());
    Require.bytes("slots", batch.slots(), 4L * batch.tokens());
    int status;
    try {
      status =
          (int)
              CpuFunctions.STORE_KV.invokeExact(
                  team.address(),
                  cache.keys(),
                  cache.values(),
                  cache.groupStride(),
                  cache.headSize(),
                  k,
                  v,
                  (long) stride,
                  batch.tokens(),
                  batch.slots(),
                  headGroups.segment(),
                  headGroups.count());
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void attention(
      MemorySegment y,
      MemorySegment q,
      int stride,
      int queryHeadsPerGroup,
      AttentionRule rule,
      KvLayer cache,
      TokenBatch batch,
      MemorySegment present,
      Ranges headGroups) {
    int width = Require.end(headGroups) * queryHeadsPerGroup * cache.headSize();
    Require.within("headGroups", headGroups, cache.headGroups());
    Require.rows("y", y, batch.tokens(), stride, width);
    Require.rows("q", q, batch.tokens(), stride, width);
    Require.bytes("values", cache.values(), cache.keys().byteSize());
    Require.bytes("present", present, (long) batch.sequences() * cache.headGroups());
    Require.batch(batch);
    int status;
    try {
      status =
          (int)
              CpuFunctions.ATTENTION.invokeExact(
                  team.address(),
                  y,
                  q,
                  (long) stride,
                  queryHeadsPerGroup,
                  rule.scale(),
                  rule.softCap(),
                  rule.window(),
                  cache.keys(),
                  cache.values(),
                  cache.groupStride(),
                  cache.headSize(),
                  batch.tokens(),
                  batch.positions(),
                  batch.sequenceOf(),
                  batch.blockTables(),
                  (long) batch.blockTableStride(),
                  batch.blockSize(),
                  present,
                  cache.headGroups(),
                  headGroups.segment(),
                  headGroups.count());
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void logProbs(
      MemorySegment y, MemorySegment logits, int tokens, int vocabulary, MemorySegment targets) {
    Require.count("tokens", tokens);
    Require.bytes("y", y, 8L * tokens);
    Require.rows("logits", logits, tokens, vocabulary, vocabulary);
    Require.bytes("targets", targets, 4L * tokens);
    int status;
    try {
      status =
          (int)
              CpuFunctions.LOG_PROBS.invokeExact(
                  team.address(), y, logits, tokens, (long) vocabulary, targets);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
    check(status);
  }

  @Override
  public void close() {
    team.close();
  }

  // Not inside the try blocks: what is thrown here must not be taken for a fault of linkage.
  private static void check(int status) {
    switch (status) {
      case OK -> {}
      case NO_MEMORY ->
          throw new OutOfMemoryError("no native memory for the kernels' scratch space");
      case BAD_INDEX ->
          throw new IndexOutOfBoundsException("a token, target or slot is outside of its table");
      default -> throw new AssertionError("the native library returned status " + status);
    }
  }
}
