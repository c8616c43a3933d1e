package dev.rap.cuda;

import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The kernels' oracles, on the memory of a fake driver. */
class OracleKernels implements CudaKernels {
  private final FakeDriver driver;

  OracleKernels(FakeDriver driver) {
    this.driver = driver;
  }

  FakeDriver driver() {
    return driver;
  }

  MemorySegment at(long address) {
    return driver.from(address);
  }

  private static DType stored(int ggmlId) {
    return Arrays.stream(DType.values())
        .filter(type -> type.ggmlId() == ggmlId)
        .findFirst()
        .orElseThrow();
  }

  private AttentionOracle.Kv at(Kv kv) {
    return new AttentionOracle.Kv(at(kv.blocks()), kv.blockSize());
  }

  private AttentionOracle.Tables at(Tables tables) {
    return new AttentionOracle.Tables(at(tables.tables()), tables.stride(), at(tables.present()));
  }

  @Override
  public String buildInfo() {
    return "oracles";
  }

  @Override
  public void prepare() {}

  @Override
  public void rows(
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
      Units units) {
    driver.queue(
        stream,
        () ->
            ProductOracle.rows(
                type,
                at(y),
                yStride,
                yF32,
                at(x),
                xStride,
                tokens,
                at(w),
                rows,
                d,
                at(units.table()),
                units.unitRows()));
  }

  @Override
  public void gatedRows(
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
      Units units) {
    driver.queue(
        stream,
        () ->
            ProductOracle.gatedRows(
                type,
                at(y),
                yStride,
                at(x),
                xStride,
                tokens,
                at(gate),
                at(up),
                at(gateBias),
                at(upBias),
                rows,
                d,
                at(units.table()),
                units.unitRows()));
  }

  @Override
  public void accumulate(
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
      long scratch) {
    driver.queue(
        stream,
        () ->
            ProductOracle.accumulate(
                type,
                at(y),
                at(x),
                xStride,
                tokens,
                at(w),
                rows,
                d,
                at(units.table()),
                units.unitRows(),
                at(addend)));
  }

  @Override
  public long accumulateScratch(int tokens, int d) {
    return 16;
  }

  @Override
  public void attentionOne(
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
      long scratch) {
    driver.queue(
        stream,
        () ->
            AttentionOracle.attentionOne(
                type,
                at(y),
                yStride,
                at(qkv),
                qkvStride,
                heads,
                at(kv),
                at(positions),
                at(tables),
                sequences,
                at(units)));
  }

  @Override
  public long attentionScratch(int sequences, Heads heads) {
    return 16;
  }

  @Override
  public void attentionMany(
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
      long units) {
    driver.queue(
        stream,
        () ->
            AttentionOracle.attentionMany(
                type,
                at(y),
                yStride,
                at(qkv),
                qkvStride,
                heads,
                at(kv),
                at(tiles),
                tileCount,
                at(tables),
                at(units)));
  }

  @Override
  public void embed(long stream, Element type, long y, long table, long tokens, int count, int d) {
    driver.queue(
        stream, () -> ElementwiseOracle.embed(type, at(y), at(table), at(tokens), count, d));
  }

  @Override
  public void rmsNorm(
      long stream,
      Element type,
      long y,
      long x,
      long weight,
      long rows,
      int tokens,
      int d,
      float eps) {
    driver.queue(
        stream,
        () -> ElementwiseOracle.rmsNorm(type, at(y), at(x), at(weight), at(rows), tokens, d, eps));
  }

  @Override
  public void ropeStore(
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
      long units) {
    driver.queue(
        stream,
        () ->
            ElementwiseOracle.ropeStore(
                type,
                at(qkv),
                qkvStride,
                at(bias),
                tokens,
                heads,
                at(cosSin),
                interleaved,
                at(positions),
                at(slots),
                at(kv),
                at(units)));
  }

  @Override
  public void swiglu(
      long stream,
      Element type,
      long gate,
      long up,
      long gateBias,
      long upBias,
      long stride,
      int tokens,
      int channels,
      Units units) {
    driver.queue(
        stream,
        () ->
            ElementwiseOracle.swiglu(
                type,
                at(gate),
                at(up),
                at(gateBias),
                at(upBias),
                stride,
                tokens,
                channels,
                at(units.table()),
                units.unitRows()));
  }

  @Override
  public void addRow(long stream, long y, long row, int tokens, int d) {
    driver.queue(stream, () -> ElementwiseOracle.addRow(at(y), at(row), tokens, d));
  }

  @Override
  public void columnSums(
      long stream, Element type, long sums, long x, long stride, int tokens, int columns) {
    driver.queue(
        stream, () -> ElementwiseOracle.columnSums(type, at(sums), at(x), stride, tokens, columns));
  }

  @Override
  public void argmax(long stream, long y, long logits, int rows, int vocabulary) {
    driver.queue(stream, () -> ElementwiseOracle.argmax(at(y), at(logits), rows, vocabulary));
  }

  @Override
  public void sample(long stream, long y, long logits, int rows, int vocabulary, long draws) {
    driver.queue(
        stream, () -> ElementwiseOracle.sample(at(y), at(logits), rows, vocabulary, at(draws)));
  }

  @Override
  public void logProbs(long stream, long y, long logits, int rows, int vocabulary, long targets) {
    driver.queue(
        stream, () -> ElementwiseOracle.logProbs(at(y), at(logits), rows, vocabulary, at(targets)));
  }

  @Override
  public void fetch(long stream, long y, MemorySegment x, long bytes) {
    driver.queue(stream, () -> MemorySegment.copy(x, 0, at(y), 0, bytes));
  }

  @Override
  public void copyBlocks(long stream, long x, long blockBytes, long pairs, int count) {
    driver.queue(stream, () -> ElementwiseOracle.copyBlocks(at(x), blockBytes, at(pairs), count));
  }

  @Override
  public void pickGroups(
      long stream,
      Element type,
      Kv y,
      int yGroups,
      long x,
      int xGroups,
      long ranks,
      int blocks,
      int headSize) {
    driver.queue(
        stream,
        () ->
            ElementwiseOracle.pickGroups(
                at(y.blocks()),
                yGroups,
                at(x),
                xGroups,
                at(ranks),
                blocks,
                headSize,
                y.blockSize()));
  }

  @Override
  public void convert(
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
      boolean transpose) {
    driver.queue(
        stream,
        () ->
            ElementwiseOracle.convert(
                type,
                at(y),
                yColumns,
                run,
                runStride,
                at(x),
                stored(stored),
                firstRow,
                rows,
                Math.toIntExact(columns),
                transpose));
  }

  @Override
  public void read(long stream, long x, long bytes, long sink) {
    driver.queue(stream, () -> at(x));
  }
}
