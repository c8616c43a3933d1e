package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.model.WeightsLoader;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepAllocationTest {
  @TempDir private Path folder;

  @Test
  void aStepOnTheCpuAllocatesNothing() {
    Path file = GgufFiles.write(folder.resolve("tiny.gguf"), RandomLlama.tiny());
    try (Checkpoint checkpoint = Checkpoint.open(file);
        Kernels kernels = CpuKernels.open(1)) {
      assertEquals(
          0, StepAllocation.bytes(new CpuBackend(WeightsLoader.load(checkpoint), kernels, 1)));
    }
  }
}
