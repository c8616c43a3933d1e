package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.ModelRunner;
import dev.rap.kv.BlockTable;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Memory of a real GPU that goes and comes back. */
@Tag("gpu")
class GpuElasticTest {
  private static final ModelConfig CONFIG =
      RandomLlama.config("elastic", 4, 1024, 8, 4, 128, 4096, 512, 4096);

  @TempDir private Path folder;

  // A fifth of the feed-forward channels, others each time, become KvBlocks and channels again.
  @ParameterizedTest(name = "{0} exchanges, with a copy in the host''s memory: {1}")
  @CsvSource({"1000, true", "50, false"})
  void afterExchangesNothingIsMissingAndNoBitOfTheLogitsHasChanged(int cycles, boolean master) {
    RandomLlama llama = RandomLlama.tiny().with(CONFIG).with(DType.F16);
    Path file = GgufFiles.write(folder.resolve("m.gguf"), llama);
    Random random = new Random(1);
    try (Checkpoint checkpoint = Checkpoint.open(file);
        CudaBackend backend = (CudaBackend) GpuModelTest.load(WeightsLoader.load(checkpoint))) {
      if (master) {
        backend.keepHostMaster();
      }
      try (ModelRunner runner =
          backend.newRunner(new ModelRunner.Limits(32, 1, 2048, 1 << 16, 1))) {
        RetentionMask dense = RetentionMask.dense(CONFIG.maskShape());
        int blocks = runner.pool().blocks();
        int fewBlocks = blocks / 2;
        resize(runner, fewBlocks);
        runner.reclaim();
        settle(runner);
        int[] expected = logits(runner);
        long held = runner.held().total();
        long free = backend.parts().device().memoryInfo().free();
        for (int i = 0; i < cycles; i++) {
          runner.setMask(without(dense, random), Optional.empty());
          runner.reclaim();
          resize(runner, blocks);
          settle(runner);
          resize(runner, fewBlocks);
          while (!runner.prefetch(dense)) {
            runner.work();
          }
          runner.setMask(dense, Optional.empty());
          settle(runner);
          assertEquals(held, runner.held().total());
        }
        assertArrayEquals(expected, logits(runner));
        assertEquals(free, backend.parts().device().memoryInfo().free());
      }
    }
  }

  private static RetentionMask without(RetentionMask dense, Random random) {
    RetentionMask mask = dense;
    for (int layer = 0; layer < CONFIG.layers(); layer++) {
      Sublayer feedForward = new Sublayer(layer, Sublayer.Kind.FEED_FORWARD);
      BitSet kept = dense.units(feedForward);
      int units = kept.cardinality();
      while (kept.cardinality() > units * 4 / 5) {
        kept.clear(random.nextInt(units));
      }
      mask = mask.with(feedForward, kept);
    }
    return mask;
  }

  private static void resize(ModelRunner runner, int blocks) {
    for (int tries = 0; !runner.resizeKv(blocks, List.of()); tries++) {
      assertTrue(tries < 100_000, "the blocks never come");
      runner.work();
    }
  }

  private static void settle(ModelRunner runner) {
    for (int tries = 0; !runner.isSettled(); tries++) {
      assertTrue(tries < 10_000_000, "memory does not follow");
      runner.work();
    }
  }

  private static int[] logits(ModelRunner runner) {
    BlockTable table = new BlockTable();
    runner.pool().reserve(table, 20);
    byte[] present = new byte[CONFIG.layers() * CONFIG.kvHeads()];
    Arrays.fill(present, (byte) 1);
    int[] tokens = new Random(2).ints(20, 0, CONFIG.vocabularySize()).toArray();
    runner.batch().clear();
    runner.batch().add(tokens, 0, tokens.length, table, present);
    runner.run();
    int[] bits =
        runner
            .logits(new int[] {tokens.length - 1}, 1)
            .asSlice(0, 4L * CONFIG.vocabularySize())
            .toArray(ValueLayout.JAVA_INT);
    runner.pool().release(table);
    return bits;
  }
}
