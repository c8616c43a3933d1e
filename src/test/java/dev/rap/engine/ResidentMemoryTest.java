package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.kv.BlockTable;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.memory.Workload;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * What Linux says of this process's memory while weights and keys and values leave it and return.
 * The model: 10 layers, hidden size 512, 8 query and 4 KV heads of 64, 2,048 channels, in F16.
 */
@EnabledOnOs(OS.LINUX)
class ResidentMemoryTest {
  private static final int LAYERS = 10;
  private static final int F16_BYTES = 2;
  private static final long ROW = 512 * F16_BYTES; // of D inputs
  private static final long ATTENTION = (512 + 2 * 256 + 512) * ROW; // q, k and v, output
  private static final long FEED_FORWARD = 3 * 2048 * ROW;
  private static final long KV_TOKEN = 2 * 64 * F16_BYTES; // of one head group of one layer

  @TempDir private static Path folder;
  private static Path file;
  private static Checkpoint checkpoint;
  private static Weights weights;
  private static Kernels kernels;

  @BeforeAll
  static void loadModel() {
    ModelConfig config = RandomLlama.config("resident", LAYERS, 512, 8, 4, 64, 2048, 288, 2048);
    file = folder.resolve("resident.gguf");
    GgufFiles.write(file, RandomLlama.tiny().with(config).with(DType.F16));
    checkpoint = Checkpoint.open(file);
    weights = WeightsLoader.load(checkpoint);
    kernels = CpuKernels.open(2);
  }

  @AfterAll
  static void closeModel() {
    kernels.close();
    checkpoint.close();
  }

  private static ModelRunner runner(int sequences, int contextLength) {
    ModelRunner.Limits limits =
        new ModelRunner.Limits(512, sequences, contextLength, sequences * contextLength, 1);
    return new CpuBackend(weights, kernels, 2).newRunner(limits);
  }

  @Test
  void sublayersLeaveMemoryWithin100MillisecondsAndComeBack() throws IOException {
    try (ModelRunner runner = runner(1, 64)) {
      step(runner);
      long whole = ofFile();
      long fixed = runner.held().weights() - LAYERS * (ATTENTION + FEED_FORWARD);
      assertTrue(whole >= runner.held().weights() - 288 * ROW, "a step reads all but embeddings");

      RetentionMask mask = runner.mask();
      for (int layer = 2; layer < 8; layer++) {
        mask = mask.without(Sublayer.of(2 * layer)).without(Sublayer.of(2 * layer + 1));
      }
      long pruned = 6 * (ATTENTION + FEED_FORWARD);
      runner.setMask(mask, Optional.empty());
      assertEquals(whole, ofFile(), "a mask alone gives nothing back");
      long start = System.nanoTime();
      runner.reclaim();
      finish(runner);
      long micros = (System.nanoTime() - start) / 1000;
      assertLeft(whole - ofFile(), pruned);
      assertTrue(micros < 100_000, "took %d us".formatted(micros));
      assertEquals(fixed + 4 * (ATTENTION + FEED_FORWARD), runner.held().weights());
      step(runner);
      assertLeft(whole - ofFile(), pruned);

      RetentionMask dense = RetentionMask.dense(mask.shape());
      assertFalse(runner.prefetch(dense), "it takes pieces of work");
      finish(runner);
      assertTrue(runner.prefetch(dense));
      assertTrue(ofFile() >= whole * 0.99, "all is back before the mask changes");
      runner.setMask(dense, Optional.empty());
      assertEquals(fixed + LAYERS * (ATTENTION + FEED_FORWARD), runner.held().weights());
    }
  }

  @Test
  void unitsLeaveMemoryAndComeBack() throws IOException {
    try (ModelRunner runner = runner(1, 64)) {
      step(runner);
      long whole = ofFile();
      long process = ofProcess("Rss");
      long held = runner.held().weights();
      RetentionMask mask = runner.mask();
      for (int i = 0; i < 2 * LAYERS; i++) {
        int units = mask.shape().units(Sublayer.of(i).kind());
        mask = mask.with(Sublayer.of(i), everySecond(units));
      }
      long pruned = LAYERS * (ATTENTION + FEED_FORWARD) / 2;
      runner.setMask(mask, Optional.empty());
      long start = System.nanoTime();
      runner.reclaim();
      finish(runner);
      long micros = (System.nanoTime() - start) / 1000;
      step(runner);
      long copies = LAYERS * (512 + 2048) * ROW / 2; // half of the columns of the last projections
      assertLeft(whole - ofFile() - copies, pruned);
      assertTrue(process - ofProcess("Rss") > pruned / 2, "whatever the heap does meanwhile");
      assertTrue(micros < 100_000, "took %d us".formatted(micros));
      assertEquals(held - pruned, runner.held().weights());

      RetentionMask more =
          mask.with(Sublayer.of(1), new BitSet()).with(Sublayer.of(3), firstOf(16));
      runner.prefetch(more);
      finish(runner);
      runner.setMask(more, Optional.empty()); // of what went, only a reclaim lets go
      assertEquals(held - pruned + FEED_FORWARD / 2, runner.held().weights());
      runner.reclaim();
      step(runner);
      assertEquals(held - pruned, runner.held().weights(), "half went, and half came");
      long copied = 2048 * ROW / 16; // columns of a unit
      copies -= 2 * 8 * copied;
      assertLeft(whole - ofFile() - copies, pruned);

      BitSet units = everySecond(16);
      units.or(firstOf(8));
      RetentionMask grown = more.with(Sublayer.of(5), units).with(Sublayer.of(1), firstOf(4));
      runner.prefetch(grown);
      finish(runner);
      runner.setMask(grown, Optional.empty());
      step(runner);
      long unit = FEED_FORWARD / 16;
      assertEquals(held - pruned + 8 * unit, runner.held().weights(), "four came to each");
      copies += 8 * copied;
      assertLeft(whole - ofFile() - copies, pruned - 8 * unit);
    }
  }

  @Test
  void unitsThatShareBlocksLeaveAsTheMemoryModelSays() {
    // 8 channel blocks of 128 of 1,024 channels. Down has 256 rows of 4 blocks of 144 bytes; a
    // channel of gate and up has a block each.
    ModelConfig config = RandomLlama.config("shared blocks", 1, 256, 4, 2, 64, 1024, 288, 64);
    Path shared = folder.resolve("shared.gguf");
    GgufFiles.write(shared, RandomLlama.tiny().with(config).with(DType.Q4_K));
    long channelBlock = 128 * 2 * 144;
    long downBlock = 256 * 144;
    try (Checkpoint model = Checkpoint.open(shared)) {
      Weights loaded = WeightsLoader.load(model);
      try (ModelRunner runner =
          new CpuBackend(loaded, kernels, 2).newRunner(new ModelRunner.Limits(8, 1, 64, 64, 1))) {
        long whole = runner.held().weights();
        RetentionMask mask = runner.mask();
        MemoryModel memory = MemoryModel.of(loaded, mask.shape(), Storage.AS_STORED);
        // Pairs share a block: of the first one goes, of the second both, of the third the other.
        for (int[] dropped : new int[][] {{0}, {0, 2, 3}, {0, 2, 3, 5}, {1, 3, 5, 7}}) {
          BitSet kept = firstOf(8);
          for (int unit : dropped) {
            kept.clear(unit);
          }
          runner.setMask(mask.with(Sublayer.of(1), kept), Optional.empty());
          runner.reclaim();
          finish(runner);
          long blocks = kept.get(2) || kept.get(3) ? 0 : 1;
          long expected = whole - dropped.length * channelBlock - blocks * downBlock;
          assertEquals(expected, runner.held().weights());
          assertEquals(expected, memory.use(runner.mask(), new Workload(1, 1)).weights());
        }
      }
    }
  }

  private static BitSet firstOf(int units) {
    BitSet first = new BitSet();
    first.set(0, units);
    return first;
  }

  private static BitSet everySecond(int units) {
    BitSet second = new BitSet();
    for (int unit = 1; unit < units; unit += 2) {
      second.set(unit);
    }
    return second;
  }

  @Test
  void keysAndValuesLeaveMemory() throws IOException {
    try (ModelRunner runner = runner(8, 512)) {
      List<BlockTable> tables = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        tables.add(new BlockTable());
        step(runner, i, 512, tables.getLast());
      }
      long groups = LAYERS * 4L;
      assertEquals(8 * 512 * groups * KV_TOKEN, runner.held().kv());
      long full = ofProcess("Anonymous");
      for (int i : new int[] {6, 4, 2, 0}) {
        runner.pool().release(tables.remove(i));
      }
      assertTrue(runner.resizeKv(4 * 512 / ModelRunner.BLOCK_SIZE, tables));
      assertEquals(4 * 512 * groups * KV_TOKEN, runner.held().kv());
      long left = full - ofProcess("Anonymous"); // less what the heap grew by
      assertTrue(left > 0.8 * 4 * 512 * groups * KV_TOKEN, "%,d bytes left".formatted(left));

      runner.setMask(runner.mask().without(Sublayer.of(0)), Optional.empty());
      assertEquals(4 * 512 * (groups - 4) * KV_TOKEN, runner.held().kv());
      assertTrue(runner.resizeKv(8 * 512 / ModelRunner.BLOCK_SIZE, tables));
      assertEquals(8 * 512 * (groups - 4) * KV_TOKEN, runner.held().kv());
    }
  }

  private static void assertLeft(long bytes, long pruned) {
    assertTrue(bytes >= 0.9 * pruned, "%,d of %,d bytes left".formatted(bytes, pruned));
  }

  private static void finish(ModelRunner runner) {
    while (runner.work()) {
      // piece by piece
    }
    assertTrue(runner.isSettled());
  }

  private static void step(ModelRunner runner) {
    BlockTable table = new BlockTable();
    step(runner, 0, 8, table);
    runner.pool().release(table);
  }

  private static void step(ModelRunner runner, int seed, int tokens, BlockTable table) {
    int[] ids = new int[tokens];
    Arrays.setAll(ids, i -> (31 * i + 7 * seed) % 288);
    byte[] present = new byte[LAYERS * 4];
    Arrays.fill(present, (byte) 1);
    assertTrue(runner.pool().reserve(table, tokens));
    runner.batch().clear();
    runner.batch().add(ids, 0, tokens, table, present);
    runner.run();
    runner.logits(new int[] {tokens - 1}, 1);
  }

  // Resident bytes of the model's file: smaps has a line of addresses and name, then numbers.
  private static long ofFile() throws IOException {
    long bytes = 0;
    boolean isFile = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      if (line.matches("[0-9a-f]+-.*")) {
        isFile = line.endsWith(file.toString());
      } else if (isFile && line.startsWith("Rss:")) {
        bytes += kibibytes(line);
      }
    }
    return bytes;
  }

  private static long ofProcess(String key) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/smaps_rollup")).stream()
        .filter(line -> line.startsWith(key + ":"))
        .mapToLong(ResidentMemoryTest::kibibytes)
        .sum();
  }

  private static long kibibytes(String line) {
    Matcher number = Pattern.compile("(\\d+) kB").matcher(line);
    assertTrue(number.find(), line);
    return Long.parseLong(number.group(1)) << 10;
  }
}
