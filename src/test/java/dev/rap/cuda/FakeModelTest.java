package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.engine.GoldenLogits;
import dev.rap.engine.MaskSchedule;
import dev.rap.engine.ModelRunner;
import dev.rap.engine.QuantisedLogits;
import dev.rap.kv.BlockTable;
import dev.rap.memory.MemoryModel;
import dev.rap.model.MeanInputs;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.tensor.DType;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * All of the CUDA backend but the GPU: oracles in the place of kernels, on a driver over host
 * memory, against logits that Transformers computed in fp32, and where masks change against the
 * CPU.
 */
class FakeModelTest {
  private static final long BESIDE_THE_RING = 100_000;
  private static final ModelRunner.Limits LIMITS = new ModelRunner.Limits(24, 1, 32, 32, 1);

  @ParameterizedTest(name = "{0}, {1} tokens a step, cuBLAS: {2}")
  @CsvSource({
    "mha-biased,       24, false",
    "mha-biased,        1, false",
    "gqa4-llama3-rope, 24, true",
    "gqa4-llama3-rope,  7, false", // chunks that end inside of KvBlocks
    "gqa4-llama3-rope,  1, true",
    "gqa8-sharded,     24, true",
    "gqa8-sharded,      5, false",
    "ffn-biased,       24, true",
    "ffn-biased,       24, false",
    "ffn-biased,        1, true",
    "qwen2-yarn,       24, true",
    "qwen2-yarn,        1, false",
    "phi3-longrope,    24, true"
  })
  void agreesWithTransformersAndLeavesNothing(String model, int stepTokens, boolean blas)
      throws Exception {
    FakeDriver driver = new FakeDriver();
    GoldenLogits.of(model)
        .check(weights -> load(driver, blas, weights), stepTokens, GpuModelTest.tolerance(model));
    assertEquals(List.of(), driver.leaks());
  }

  @ParameterizedTest
  @ValueSource(strings = {"phi3-longrope", "llama-dynamic"})
  void longContextsHaveTheirOwnRope(String model) throws Exception {
    FakeDriver driver = new FakeDriver();
    GoldenLogits.of(model)
        .checkBeyond(weights -> load(driver, false, weights), 40, GpuModelTest.F16);
    assertEquals(List.of(), driver.leaks());
  }

  // The blocks' values fit F16 but for its rounding.
  @ParameterizedTest
  @EnumSource(names = {"Q5_1", "Q4_K"})
  void typesThatTheGpuDoesNotReadAreWidened(DType type, @TempDir Path folder) throws Exception {
    FakeDriver driver = new FakeDriver();
    QuantisedLogits.check(
        folder,
        type,
        QuantisedLogits.Oracle.EXACT,
        weights -> load(driver, true, weights),
        24,
        GpuModelTest.F16);
    assertEquals(List.of(), driver.leaks());
  }

  private static CudaBackend load(FakeDriver driver, boolean blas, Weights weights) {
    return FakeGpu.load(driver, blas, weights, Optional.empty());
  }

  @ParameterizedTest(name = "cuBLAS, and a copy in the host''s memory: {0}")
  @ValueSource(booleans = {false, true})
  void sequencesGoOnUnderASchedule(boolean full, @TempDir Path folder) {
    FakeDriver driver = new FakeDriver();
    MaskSchedule.check(
        folder,
        weights -> {
          CudaBackend backend = load(driver, full, weights);
          if (full) {
            backend.keepHostMaster();
          }
          return backend;
        },
        GpuModelTest.F16.relative(),
        full ? 32 : 64); // of 64 the last is short
    assertEquals(List.of(), driver.leaks());
  }

  // While a model is loaded there is room for a little beside the ring, later for all of it.
  @ParameterizedTest
  @ValueSource(strings = {"mha-biased", "gqa4-llama3-rope", "ffn-biased"})
  void whatWasPrunedToFitRunsAtOnceAndComesBackWhole(String model) throws Exception {
    FakeDriver driver = new FakeDriver(StagingRing.BYTES + BESIDE_THE_RING, 0);
    GoldenLogits.of(model)
        .check(
            weights -> {
              CudaBackend backend =
                  FakeGpu.load(driver, false, weights, Optional.of((m, free) -> odd(m)));
              checkPruned(backend, weights);
              return backend;
            },
            24,
            GpuModelTest.tolerance(model));
    assertEquals(List.of(), driver.leaks());
  }

  @ParameterizedTest(name = "{0}, pruned while it is loaded: {1}")
  @CsvSource({"ffn-biased, false", "ffn-biased, true", "qwen2-yarn, true"})
  void meansAreThoseOfTransformersWhereUnitsAreOrWereNeverThere(String model, boolean pruned)
      throws Exception {
    FakeDriver driver = new FakeDriver(pruned ? StagingRing.BYTES + BESIDE_THE_RING : 1L << 30, 0);
    GoldenLogits golden = GoldenLogits.of(model);
    golden.checkMeansOnTheMove(
        weights -> {
          RetentionMask first = golden.compensatedMask(weights);
          CudaBackend backend =
              FakeGpu.load(driver, false, weights, Optional.of((memory, free) -> first));
          assertEquals(!pruned, backend.initialMask().isDense());
          return backend;
        },
        24,
        GpuModelTest.tolerance(model));
    assertEquals(List.of(), driver.leaks());
  }

  private static RetentionMask odd(MemoryModel memory) {
    RetentionMask mask = RetentionMask.dense(memory.shape());
    for (int i = 0; i < memory.shape().sublayers(); i++) {
      BitSet units = new BitSet();
      for (int unit = 1; unit < memory.shape().units(Sublayer.of(i).kind()); unit += 2) {
        units.set(unit);
      }
      mask = mask.with(Sublayer.of(i), units);
    }
    return mask;
  }

  private static void checkPruned(CudaBackend backend, Weights weights) {
    RetentionMask mask = backend.initialMask();
    assertFalse(mask.isDense());
    MeanInputs means = MaskSchedule.means(weights.config(), new Random(7));
    float[] plain;
    float[] compensated;
    try (ModelRunner runner = backend.newRunner(LIMITS)) {
      assertEquals(mask, runner.mask());
      backend.keepHostMaster(); // of nothing
      plain = logits(runner);
      runner.setMask(mask, Optional.of(means));
      compensated = logits(runner);
      runner.setMask(RetentionMask.dense(mask.shape()), Optional.empty());
    }
    assertFalse(Arrays.equals(plain, compensated));
    try (CudaBackend whole = load(new FakeDriver(), false, weights);
        ModelRunner runner = whole.newRunner(LIMITS)) {
      runner.setMask(mask, Optional.empty());
      assertArrayEquals(logits(runner), plain);
      runner.setMask(mask, Optional.of(means));
      assertArrayEquals(logits(runner), compensated);
    }
  }

  private static float[] logits(ModelRunner runner) {
    int[] tokens = {3, 1, 4, 1, 5};
    BlockTable table = new BlockTable();
    assertTrue(runner.pool().reserve(table, tokens.length));
    byte[] present = new byte[runner.config().layers() * runner.config().kvHeads()];
    Arrays.fill(present, (byte) 1);
    runner.batch().clear();
    runner.batch().add(tokens, 0, tokens.length, table, present);
    runner.run();
    return runner.logits(new int[] {tokens.length - 1}, 1).toArray(ValueLayout.JAVA_FLOAT);
  }
}
