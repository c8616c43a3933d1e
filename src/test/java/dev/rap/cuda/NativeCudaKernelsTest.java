package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rap.cuda.CudaKernels.Heads;
import dev.rap.cuda.CudaKernels.Kv;
import dev.rap.cuda.CudaKernels.Tables;
import dev.rap.cuda.CudaKernels.Units;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The binding, against functions that record their arguments. */
class NativeCudaKernelsTest {
  // Numbers that tell which argument went where: beyond 32 bits where an address may be.
  private static final long STREAM = 0x7f00_0000_0001L;
  private static final long Y = 0x7f00_0000_0002L;
  private static final long X = 0x7f00_0000_0003L;
  private static final long W = 0x7f00_0000_0004L;
  private static final long V = 0x7f00_0000_0005L;
  private static final long SCRATCH = 0x7f00_0000_0006L;
  private static final Units UNITS = new Units(0x7f00_0000_0007L, 48);
  private static final Kv KV = new Kv(0x7f00_0000_0008L, 16);
  private static final Heads HEADS = new Heads(8, 4, 128);
  private static final Tables TABLES = new Tables(0x7f00_0000_000aL, 77, 0x7f00_0000_000bL);

  private final Arena arena = Arena.ofConfined();
  private final RecordingLibrary library = new RecordingLibrary(arena, "out of luck");
  private final CudaKernels kernels = new NativeCudaKernels(library);

  @AfterEach
  void close() {
    arena.close();
  }

  private void assertCalled(String name, Object... arguments) {
    StringBuilder expected = new StringBuilder("rap_cuda_" + name);
    for (Object argument : arguments) {
      expected.append(' ').append(argument);
    }
    assertEquals(expected.toString(), library.lastCall());
  }

  @Test
  void productsPassTheirArguments() {
    kernels.rows(STREAM, Element.BF16, Y, 11, true, X, 12, 13, W, 14, 15, UNITS);
    assertCalled("rows", STREAM, 1, Y, 11, 1, X, 12, 13, W, 14, 15, UNITS.table(), 48);
    kernels.gatedRows(STREAM, Element.F16, Y, 11, X, 12, 13, W, V, 16, 17, 14, 15, UNITS);
    assertCalled(
        "gated_rows", STREAM, 0, Y, 11, X, 12, 13, W, V, 16, 17, 14, 15, UNITS.table(), 48);
    kernels.accumulate(STREAM, Element.F16, Y, X, 12, 13, W, 14, 15, UNITS, V, SCRATCH);
    assertCalled("accumulate", STREAM, 0, Y, X, 12, 13, W, 14, 15, UNITS.table(), 48, V, SCRATCH);
    kernels.read(STREAM, X, 1L << 34, Y);
    assertCalled("read", STREAM, X, 1L << 34, Y);
  }

  @Test
  void attentionPassesItsArguments() {
    kernels.attentionOne(STREAM, Element.BF16, Y, 11, X, 12, HEADS, KV, W, TABLES, 13, V, SCRATCH);
    assertCalled(
        "attention_one",
        STREAM,
        1,
        Y,
        11,
        X,
        12,
        8,
        4,
        128,
        KV.blocks(),
        W,
        TABLES.tables(),
        77,
        16,
        TABLES.present(),
        13,
        V,
        SCRATCH);
    kernels.attentionMany(STREAM, Element.F16, Y, 11, X, 12, HEADS, KV, W, 13, TABLES, V);
    assertCalled(
        "attention_many",
        STREAM,
        0,
        Y,
        11,
        X,
        12,
        8,
        4,
        128,
        KV.blocks(),
        W,
        13,
        TABLES.tables(),
        77,
        16,
        TABLES.present(),
        V);
  }

  @Test
  void theRestOfAStepPassesItsArguments() {
    kernels.embed(STREAM, Element.F16, Y, W, X, 11, 64);
    assertCalled("embed", STREAM, 0, Y, W, X, 11, 64);
    kernels.rmsNorm(STREAM, Element.BF16, Y, X, W, V, 11, 64, 0.25f);
    assertCalled("rms_norm", STREAM, 1, Y, X, W, V, 11, 64, 0.25f);
    kernels.ropeStore(STREAM, Element.F16, X, 11, W, 12, HEADS, V, true, Y, SCRATCH, KV, 13);
    assertCalled(
        "rope_store", STREAM, 0, X, 11, W, 12, 8, 4, 128, V, 1, Y, SCRATCH, KV.blocks(), 16, 13);
    kernels.swiglu(STREAM, Element.BF16, Y, X, W, V, 11, 12, 13, UNITS);
    assertCalled("swiglu", STREAM, 1, Y, X, W, V, 11, 12, 13, UNITS.table(), 48);
    kernels.addRow(STREAM, Y, X, 11, 64);
    assertCalled("add_row", STREAM, Y, X, 11, 64);
    kernels.columnSums(STREAM, Element.F16, Y, X, 11, 12, 13);
    assertCalled("column_sums", STREAM, 0, Y, X, 11, 12, 13);
    kernels.fetch(STREAM, Y, MemorySegment.ofAddress(X), 4096);
    assertCalled("fetch", STREAM, Y, X, 4096L);
    kernels.copyBlocks(STREAM, X, 4096, V, 11);
    assertCalled("copy_blocks", STREAM, X, 4096L, V, 11);
    kernels.pickGroups(STREAM, Element.BF16, KV, 11, X, 12, W, 13, 64);
    assertCalled("pick_groups", STREAM, 1, KV.blocks(), 11, X, 12, W, 13, 64, 16);
  }

  @Test
  void whatReadsLogitsPassesItsArguments() {
    kernels.argmax(STREAM, Y, X, 11, 12);
    assertCalled("argmax", STREAM, Y, X, 11, 12);
    kernels.sample(STREAM, Y, X, 11, 12, W);
    assertCalled("sample", STREAM, Y, X, 11, 12, W);
    kernels.logProbs(STREAM, Y, X, 11, 12, W);
    assertCalled("log_probs", STREAM, Y, X, 11, 12, W);
  }

  @Test
  void conversionsPassTheirArguments() {
    kernels.convert(STREAM, Element.BF16, Y, 11, 12, 13, X, 30, 14, 15, 16, false);
    assertCalled("convert", STREAM, 1, Y, 11, 12, 13, X, 30, 14, 15, 16, 0);
  }

  @Test
  void scratchSizesComeFromTheLibrary() {
    library.status = 4711;
    assertEquals(4711, kernels.accumulateScratch(3, 64));
    assertCalled("accumulate_scratch", 3, 64);
    assertEquals(4711, kernels.attentionScratch(5, HEADS));
    assertCalled("attention_scratch", 5, 8, 4, 128);
  }

  @Test
  void failuresAreExceptionsThatNameTheFunctionAndTheReason() {
    library.status = 2;
    CudaException failed =
        assertThrows(CudaException.class, () -> kernels.argmax(STREAM, Y, X, 1, 2));
    assertEquals("rap_cuda_argmax: out of luck", failed.getMessage());
    assertEquals(
        "rap_cuda_prepare: out of luck",
        assertThrows(CudaException.class, kernels::prepare).getMessage());
    library.status = -1;
    CudaException refused =
        assertThrows(CudaException.class, () -> kernels.addRow(STREAM, Y, X, 1, 63));
    assertEquals("rap_cuda_add_row: an argument is outside of its range", refused.getMessage());
  }

  @Test
  void buildInfoIsTheLibrarys() {
    assertEquals("out of luck", kernels.buildInfo());
    library.status = 0;
    kernels.prepare();
    assertCalled("prepare");
  }

  @Test
  void aLibraryThatLacksAFunctionIsRefused() {
    assertThrows(
        NoSuchElementException.class,
        () ->
            new NativeCudaKernels(
                name -> name.equals("rap_cuda_embed") ? Optional.empty() : library.find(name)));
  }
}
