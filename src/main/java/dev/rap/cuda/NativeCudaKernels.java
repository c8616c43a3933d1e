package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/** The kernels of {@code librap_cuda.so}. Calls allocate nothing, unless they fail. */
final class NativeCudaKernels implements CudaKernels {
  // enum rap_cuda_status in kernels/rap_cuda.h; what is positive has a text
  private static final int OK = 0;

  // Addresses of functions.
  private final MemorySegment buildInfo;
  private final MemorySegment errorText;
  private final MemorySegment prepare;
  private final MemorySegment accumulateScratch;
  private final MemorySegment attentionScratch;
  private final MemorySegment rows;
  private final MemorySegment gatedRows;
  private final MemorySegment accumulate;
  private final MemorySegment attentionOne;
  private final MemorySegment attentionMany;
  private final MemorySegment embed;
  private final MemorySegment rmsNorm;
  private final MemorySegment ropeStore;
  private final MemorySegment swiglu;
  private final MemorySegment addRow;
  private final MemorySegment columnSums;
  private final MemorySegment argmax;
  private final MemorySegment sample;
  private final MemorySegment logProbs;
  private final MemorySegment fetch;
  private final MemorySegment copyBlocks;
  private final MemorySegment pickGroups;
  private final MemorySegment convert;
  private final MemorySegment read;

  /**
   * @param symbols of the library, which stays loaded
   * @throws java.util.NoSuchElementException if it lacks a function
   */
  NativeCudaKernels(SymbolLookup symbols) {
    buildInfo = symbols.findOrThrow("rap_cuda_build_info");
    errorText = symbols.findOrThrow("rap_cuda_error_text");
    prepare = symbols.findOrThrow("rap_cuda_prepare");
    accumulateScratch = symbols.findOrThrow("rap_cuda_accumulate_scratch");
    attentionScratch = symbols.findOrThrow("rap_cuda_attention_scratch");
    rows = symbols.findOrThrow("rap_cuda_rows");
    gatedRows = symbols.findOrThrow("rap_cuda_gated_rows");
    accumulate = symbols.findOrThrow("rap_cuda_accumulate");
    attentionOne = symbols.findOrThrow("rap_cuda_attention_one");
    attentionMany = symbols.findOrThrow("rap_cuda_attention_many");
    embed = symbols.findOrThrow("rap_cuda_embed");
    rmsNorm = symbols.findOrThrow("rap_cuda_rms_norm");
    ropeStore = symbols.findOrThrow("rap_cuda_rope_store");
    swiglu = symbols.findOrThrow("rap_cuda_swiglu");
    addRow = symbols.findOrThrow("rap_cuda_add_row");
    columnSums = symbols.findOrThrow("rap_cuda_column_sums");
    argmax = symbols.findOrThrow("rap_cuda_argmax");
    sample = symbols.findOrThrow("rap_cuda_sample");
    logProbs = symbols.findOrThrow("rap_cuda_log_probs");
    fetch = symbols.findOrThrow("rap_cuda_fetch");
    copyBlocks = symbols.findOrThrow("rap_cuda_copy_blocks");
    pickGroups = symbols.findOrThrow("rap_cuda_pick_groups");
    convert = symbols.findOrThrow("rap_cuda_convert");
    read = symbols.findOrThrow("rap_cuda_read");
  }

  @Override
  public String buildInfo() {
    try {
      return CudaFunctions.text((MemorySegment) CudaFunctions.BUILD_INFO.invokeExact(buildInfo));
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  @Override
  public void prepare() {
    int status;
    try {
      status = (int) CudaFunctions.PREPARE.invokeExact(prepare);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_prepare", status);
  }

  @Override
  public long accumulateScratch(int tokens, int d) {
    try {
      return (long) CudaFunctions.ACCUMULATE_SCRATCH.invokeExact(accumulateScratch, tokens, d);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  @Override
  public long attentionScratch(int sequences, Heads heads) {
    try {
      return (long)
          CudaFunctions.ATTENTION_SCRATCH.invokeExact(
              attentionScratch, sequences, heads.groups(), heads.groupHeads(), heads.headSize());
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

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
    int status;
    try {
      status =
          (int)
              CudaFunctions.ROWS.invokeExact(
                  this.rows,
                  stream,
                  number(type),
                  y,
                  yStride,
                  yF32 ? 1 : 0,
                  x,
                  xStride,
                  tokens,
                  w,
                  rows,
                  d,
                  units.table(),
                  units.unitRows());
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_rows", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.GATED_ROWS.invokeExact(
                  gatedRows,
                  stream,
                  number(type),
                  y,
                  yStride,
                  x,
                  xStride,
                  tokens,
                  gate,
                  up,
                  gateBias,
                  upBias,
                  rows,
                  d,
                  units.table(),
                  units.unitRows());
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_gated_rows", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.ACCUMULATE.invokeExact(
                  accumulate,
                  stream,
                  number(type),
                  y,
                  x,
                  xStride,
                  tokens,
                  w,
                  rows,
                  d,
                  units.table(),
                  units.unitRows(),
                  addend,
                  scratch);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_accumulate", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.ATTENTION_ONE.invokeExact(
                  attentionOne,
                  stream,
                  number(type),
                  y,
                  yStride,
                  qkv,
                  qkvStride,
                  heads.groups(),
                  heads.groupHeads(),
                  heads.headSize(),
                  kv.blocks(),
                  positions,
                  tables.tables(),
                  tables.stride(),
                  kv.blockSize(),
                  tables.present(),
                  sequences,
                  units,
                  scratch);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_attention_one", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.ATTENTION_MANY.invokeExact(
                  attentionMany,
                  stream,
                  number(type),
                  y,
                  yStride,
                  qkv,
                  qkvStride,
                  heads.groups(),
                  heads.groupHeads(),
                  heads.headSize(),
                  kv.blocks(),
                  tiles,
                  tileCount,
                  tables.tables(),
                  tables.stride(),
                  kv.blockSize(),
                  tables.present(),
                  units);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_attention_many", status);
  }

  @Override
  public void embed(long stream, Element type, long y, long table, long tokens, int count, int d) {
    int status;
    try {
      status =
          (int)
              CudaFunctions.EMBED.invokeExact(
                  embed, stream, number(type), y, table, tokens, count, d);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_embed", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.RMS_NORM.invokeExact(
                  rmsNorm, stream, number(type), y, x, weight, rows, tokens, d, eps);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_rms_norm", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.ROPE_STORE.invokeExact(
                  ropeStore,
                  stream,
                  number(type),
                  qkv,
                  qkvStride,
                  bias,
                  tokens,
                  heads.groups(),
                  heads.groupHeads(),
                  heads.headSize(),
                  cosSin,
                  interleaved ? 1 : 0,
                  positions,
                  slots,
                  kv.blocks(),
                  kv.blockSize(),
                  units);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_rope_store", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.SWIGLU.invokeExact(
                  swiglu,
                  stream,
                  number(type),
                  gate,
                  up,
                  gateBias,
                  upBias,
                  stride,
                  tokens,
                  channels,
                  units.table(),
                  units.unitRows());
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_swiglu", status);
  }

  @Override
  public void addRow(long stream, long y, long row, int tokens, int d) {
    int status;
    try {
      status = (int) CudaFunctions.ADD_ROW.invokeExact(addRow, stream, y, row, tokens, d);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_add_row", status);
  }

  @Override
  public void columnSums(
      long stream, Element type, long sums, long x, long stride, int tokens, int columns) {
    int status;
    try {
      status =
          (int)
              CudaFunctions.COLUMN_SUMS.invokeExact(
                  columnSums, stream, number(type), sums, x, stride, tokens, columns);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_column_sums", status);
  }

  @Override
  public void argmax(long stream, long y, long logits, int rows, int vocabulary) {
    int status;
    try {
      status = (int) CudaFunctions.ARGMAX.invokeExact(argmax, stream, y, logits, rows, vocabulary);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_argmax", status);
  }

  @Override
  public void sample(long stream, long y, long logits, int rows, int vocabulary, long draws) {
    int status;
    try {
      status =
          (int)
              CudaFunctions.SAMPLE.invokeExact(sample, stream, y, logits, rows, vocabulary, draws);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_sample", status);
  }

  @Override
  public void logProbs(long stream, long y, long logits, int rows, int vocabulary, long targets) {
    int status;
    try {
      status =
          (int)
              CudaFunctions.LOG_PROBS.invokeExact(
                  logProbs, stream, y, logits, rows, vocabulary, targets);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_log_probs", status);
  }

  @Override
  public void fetch(long stream, long y, MemorySegment x, long bytes) {
    int status;
    try {
      status = (int) CudaFunctions.FETCH.invokeExact(fetch, stream, y, x.address(), bytes);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_fetch", status);
  }

  @Override
  public void copyBlocks(long stream, long x, long blockBytes, long pairs, int count) {
    int status;
    try {
      status =
          (int)
              CudaFunctions.COPY_BLOCKS.invokeExact(
                  copyBlocks, stream, x, blockBytes, pairs, count);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_copy_blocks", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.PICK_GROUPS.invokeExact(
                  pickGroups,
                  stream,
                  number(type),
                  y.blocks(),
                  yGroups,
                  x,
                  xGroups,
                  ranks,
                  blocks,
                  headSize,
                  y.blockSize());
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_pick_groups", status);
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
    int status;
    try {
      status =
          (int)
              CudaFunctions.CONVERT.invokeExact(
                  convert,
                  stream,
                  number(type),
                  y,
                  yColumns,
                  run,
                  runStride,
                  x,
                  stored,
                  firstRow,
                  rows,
                  columns,
                  transpose ? 1 : 0);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_convert", status);
  }

  @Override
  public void read(long stream, long x, long bytes, long sink) {
    int status;
    try {
      status = (int) CudaFunctions.READ.invokeExact(read, stream, x, bytes, sink);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    check("rap_cuda_read", status);
  }

  /** {@return the type in enum rap_cuda_type} */
  static int number(Element type) {
    return switch (type) {
      case F16 -> 0;
      case BF16 -> 1;
    };
  }

  // Not inside the try blocks: what is thrown here must not be taken for a fault of linkage.
  private void check(String function, int status) {
    if (status == OK) {
      return;
    }
    throw new CudaException(
        function + ": " + (status < OK ? "an argument is outside of its range" : text(status)));
  }

  private String text(int status) {
    try {
      return CudaFunctions.text(
          (MemorySegment) CudaFunctions.ERROR_TEXT.invokeExact(errorText, status));
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }
}
