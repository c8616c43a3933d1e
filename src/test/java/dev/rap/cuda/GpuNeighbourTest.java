package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.Engine;
import dev.rap.model.ModelConfig;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sixteen sequences beside a process that takes and gives back the GPU's memory at random ({@code
 * scripts/gpu-neighbour.py}).
 */
@Tag("gpu")
class GpuNeighbourTest {
  private static final String SECONDS = "120";
  private static final String FREE_MIB = "500";
  private static final long RESERVE = 64L << 20;
  private static final ModelConfig CONFIG =
      RandomLlama.config("neighbour", 8, 1024, 8, 4, 128, 4096, 512, 4096);

  @TempDir private Path folder;

  @Test
  void nothingFailsAndTheTextIsThatOfTheMasksThatWereApplied() throws Exception {
    RandomLlama llama = RandomLlama.tiny().with(CONFIG).with(DType.F16);
    Path file = GgufFiles.write(folder.resolve("m.gguf"), llama);
    try (Checkpoint checkpoint = Checkpoint.open(file);
        CudaBackend backend = (CudaBackend) GpuModelTest.load(WeightsLoader.load(checkpoint))) {
      backend.keepHostMaster();
      NeighbourRun run = new NeighbourRun(backend, new Engine.Options(16, 512, 16 * 512), RESERVE);
      Process neighbour =
          new ProcessBuilder("python3", "scripts/gpu-neighbour.py", SECONDS, FREE_MIB)
              .inheritIO()
              .start();
      run.beside(neighbour::isAlive);
      assertEquals(0, neighbour.waitFor());
      assertTrue(run.pruned() > 0, "the neighbour was no trouble");
      run.checkNoneRefused();
      run.checkAlone();
    }
  }
}
