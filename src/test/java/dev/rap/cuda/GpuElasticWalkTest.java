package dev.rap.cuda;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.Engine;
import dev.rap.model.ModelConfig;
import dev.rap.model.WeightsLoader;
import dev.rap.natives.NativeLibrary;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The walk on a real GPU, whose driver fails where it is told to; nobody else takes its memory. */
@Tag("gpu")
class GpuElasticWalkTest {
  private static final ModelConfig CONFIG =
      RandomLlama.config("walked", 2, 1024, 8, 4, 128, 4096, 512, 256);
  private static final Engine.Options OPTIONS = new Engine.Options(4, 256, 4 * 256);
  private static final int STEPS = 50_000;
  private static final int CONTENT_EVERY = 1000;

  @ParameterizedTest(name = "moved by a controller: {0}")
  @ValueSource(booleans = {false, true})
  void overFiftyThousandStepsEverythingHasOneOwnerAndStaysWhatItIs(
      boolean controlled, @TempDir Path folder) {
    RandomLlama llama = RandomLlama.tiny().with(CONFIG).with(DType.F16);
    WatchedDriver driver = new WatchedDriver(RealGpu.driver(), 1);
    NativeLibrary.Loaded library = (NativeLibrary.Loaded) NativeLibrary.cuda();
    try (Checkpoint checkpoint = Checkpoint.open(GgufFiles.write(folder.resolve("m.gguf"), llama));
        ElasticWalk walk =
            new ElasticWalk(
                CudaBackend.load(
                    CudaDevice.open(driver.proxy()),
                    new NativeCudaKernels(library.symbols()),
                    Optional.empty(),
                    WeightsLoader.load(checkpoint),
                    Optional.empty(),
                    share -> {}),
                driver,
                taken -> {},
                OPTIONS,
                128)) {
      walk.walk(controlled, STEPS, CONTENT_EVERY);
    }
  }
}
