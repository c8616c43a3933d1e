package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.Engine;
import dev.rap.model.ModelConfig;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The walk on a driver over host memory. */
class ElasticWalkTest {
  private static final ModelConfig CONFIG =
      RandomLlama.config("walked", 2, 64, 3, 3, 32, 160, 288, 256);
  private static final Engine.Options OPTIONS = new Engine.Options(4, 64, 4 * 64);
  private static final int STEPS = 50_000;
  private static final int CONTENT_EVERY = 20;

  // Pages of three granules: units and KvBlocks share them.
  @ParameterizedTest(name = "moved by a controller: {0}")
  @ValueSource(booleans = {false, true})
  void overFiftyThousandStepsEverythingHasOneOwnerAndStaysWhatItIs(
      boolean controlled, @TempDir Path folder) {
    RandomLlama llama = RandomLlama.tiny().with(CONFIG).with(DType.F16);
    FakeDriver fake = new FakeDriver();
    WatchedDriver driver = new WatchedDriver(fake, 3);
    try (Checkpoint checkpoint = Checkpoint.open(GgufFiles.write(folder.resolve("m.gguf"), llama));
        ElasticWalk walk =
            new ElasticWalk(
                CudaBackend.load(
                    CudaDevice.open(driver.proxy()),
                    new MarkKernels(fake),
                    Optional.empty(),
                    WeightsLoader.load(checkpoint),
                    Optional.empty(),
                    share -> {}),
                driver,
                fake::setOthersBytes,
                OPTIONS,
                32)) {
      walk.walk(controlled, STEPS, CONTENT_EVERY);
    }
    assertEquals(List.of(), fake.leaks());
  }
}
