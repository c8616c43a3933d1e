package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.engine.GoldenLogits;
import dev.rap.engine.MaskSchedule;
import dev.rap.model.Weights;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * All of the CUDA backend but the GPU: oracles in the place of kernels, on a driver over host
 * memory, against logits that Transformers computed in fp32, and where masks change against the
 * CPU.
 */
class FakeModelTest {

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
    "qwen2-yarn,        1, false"
  })
  void agreesWithTransformersAndLeavesNothing(String model, int stepTokens, boolean blas)
      throws Exception {
    FakeDriver driver = new FakeDriver();
    GoldenLogits.of(model)
        .check(weights -> load(driver, blas, weights), stepTokens, GpuModelTest.tolerance(model));
    assertEquals(List.of(), driver.leaks());
  }

  private static CudaBackend load(FakeDriver driver, boolean blas, Weights weights) {
    return CudaBackend.load(
        CudaDevice.open(driver),
        new OracleKernels(driver),
        blas ? Optional.of(new OracleBlas(driver)) : Optional.empty(),
        weights,
        share -> {});
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
}
