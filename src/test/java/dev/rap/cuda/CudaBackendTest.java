package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.ModelRunner;
import dev.rap.model.ModelConfig;
import dev.rap.model.WeightsLoader;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a model meets that a GPU cannot take. */
class CudaBackendTest {
  @TempDir private Path folder;

  private CudaBackend load(FakeDriver driver, RandomLlama llama) {
    Path file = GgufFiles.write(folder.resolve("tiny.gguf"), llama);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return FakeGpu.load(driver, WeightsLoader.load(checkpoint));
    }
  }

  // Matrices in 2 bytes an element: embedding 288 x 64, and in each of 2 layers query and output
  // 128 x 64, key and value 64 x 64, three of 96 x 64; five norms of 64 in F32. The ring: 4 x 32
  // MiB.
  @Test
  void aModelWithoutRoomIsRefusedWithTheArithmetic() {
    long weights = 2 * (288 * 64 + 2 * (2 * 128 * 64 + 2 * 64 * 64 + 3 * 96 * 64)) + 5 * 4 * 64;
    assertEquals(210_176, weights);
    InputException refused =
        assertThrows(
            InputException.class, () -> load(new FakeDriver(100_000_000, 0), RandomLlama.tiny()));
    assertEquals(
        "tiny takes 134 MB on the GPU (210 kB of weights in 2 bytes a parameter, 134 MB to load"
            + " them) and 100 MB of 100 MB are free there: close what uses the GPU, name a --policy"
            + " that prunes it to fit, take a smaller model, or --backend cpu",
        refused.getMessage());
  }

  @Test
  void aShapeThatTheKernelsDoNotTakeIsRefusedByName() {
    ModelConfig tiny = RandomLlama.tiny().config();
    ModelConfig narrow =
        new ModelConfig(
            "narrow",
            tiny.layers(),
            96,
            tiny.queryHeads(),
            tiny.kvHeads(),
            tiny.headSize(),
            tiny.feedForwardSize(),
            tiny.vocabularySize(),
            tiny.contextLength(),
            tiny.rmsEps(),
            tiny.ropeTheta(),
            tiny.ropeScaling(),
            tiny.ropePairing());
    InputException refused =
        assertThrows(
            InputException.class, () -> load(new FakeDriver(), RandomLlama.tiny().with(narrow)));
    assertEquals(
        "the CUDA kernels need another hidden size, a multiple of 64, this model's is 96: run with"
            + " --backend cpu",
        refused.getMessage());
  }

  @Test
  void aKvCacheWithoutRoomIsNoCrashAndLeavesNothing() {
    FakeDriver driver = new FakeDriver();
    ModelRunner.Limits limits = new ModelRunner.Limits(64, 1, 256, 8_000_000, 1);
    assertThrows(
        DeviceOutOfMemoryException.class,
        () -> {
          try (CudaBackend backend = load(driver, RandomLlama.tiny())) {
            backend.newRunner(limits);
          }
        });
    assertEquals(List.of(), driver.leaks());
  }

  @Test
  void memoryIsCountedByOwner() {
    FakeDriver driver = new FakeDriver(1 << 30, 1_000_000);
    driver.setOthersBytes(5_000_000);
    ModelRunner.Limits limits = new ModelRunner.Limits(64, 1, 256, 256, 1);
    try (CudaBackend backend = load(driver, RandomLlama.tiny());
        ModelRunner runner = backend.newRunner(limits)) {
      MemorySample memory = backend.memory().orElseThrow();
      assertTrue(memory.weights() >= 210_176, "whole pages, was " + memory.weights());
      // Keys and values of 2 layers and 2 heads of 32, in 2 bytes.
      assertEquals(256 * 2 * 2 * 2 * 32 * 2, memory.kv());
      assertEquals(1_000_000, memory.cuda());
      assertEquals(5_000_000, memory.others());
      assertEquals(runner.limits(), limits);
      assertEquals(1, MemoryTrackerTest.samplers(), "the tracker that began with the question");
      assertTrue(runner.available().isPresent());
      assertEquals(1, MemoryTrackerTest.samplers(), "and no other");
    }
    assertEquals(List.of(), driver.leaks());
  }

  private static final CublasLibrary.Loaded CUBLAS =
      new CublasLibrary.Loaded(Path.of("/lib/libcublas.so.13"), true);

  private static Optional<CudaBlas> startingFails(CudaException failure) {
    return CudaBackend.blas(
        CUBLAS,
        library -> {
          throw failure;
        });
  }

  @Test
  void aCublasThatDoesNotStartIsDoneWithoutAndWarnedOfInOneSentence() {
    List<String> warnings = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord entry) {
            warnings.add(MessageFormat.format(entry.getMessage(), entry.getParameters()));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger(CudaBackend.class.getName());
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      CudaException failure = new CudaException("cuBLAS does not start: NOT_INITIALIZED");
      assertEquals(Optional.empty(), startingFails(failure));
    } finally {
      logger.setUseParentHandlers(true);
      logger.removeHandler(handler);
    }
    assertEquals(
        List.of(
            "Reading prompts is slow: cuBLAS does not start: NOT_INITIALIZED, of"
                + " /lib/libcublas.so.13. To mend it, leave it more memory, or install a cuBLAS"
                + " that fits the driver."),
        warnings);
  }

  @Test
  void aFaultWhileCublasStartsIsNotPassedOver() {
    CudaException fault = new CudaException("an illegal address", true);
    assertSame(fault, assertThrows(CudaException.class, () -> startingFails(fault)));
  }
}
