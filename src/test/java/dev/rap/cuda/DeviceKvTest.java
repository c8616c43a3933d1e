package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.ModelRunner;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.WeightsLoader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The KV cache of two layers with five head groups, on a driver over host memory. */
class DeviceKvTest {
  private static final int GROUPS = 5;
  private static final int BLOCKS = 11;
  private static final int USED = 9; // the first ones
  private static final int GROUP_BYTES = 2 * ModelRunner.BLOCK_SIZE * 32 * Element.BYTES;

  @TempDir private Path folder;
  private final FakeDriver driver = new FakeDriver();
  private CudaBackend backend;

  @BeforeEach
  void load() {
    ModelConfig config = RandomLlama.config("wide", 2, 64, GROUPS, GROUPS, 32, 96, 288, 256);
    Path file = GgufFiles.write(folder.resolve("m.gguf"), RandomLlama.tiny().with(config));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      backend = FakeGpu.load(driver, WeightsLoader.load(checkpoint));
    }
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private RetentionMask dense() {
    return RetentionMask.dense(backend.weights().config().maskShape(32));
  }

  private static Sublayer attention(int layer) {
    return new Sublayer(layer, Sublayer.Kind.ATTENTION);
  }

  private RetentionMask random(Random random) {
    RetentionMask mask = dense();
    for (int layer = 0; layer < 2; layer++) {
      BitSet units = BitSet.valueOf(new long[] {random.nextLong(1 << GROUPS)});
      mask = mask.with(attention(layer), units);
    }
    return mask;
  }

  private static List<int[]> orders(RetentionMask mask) {
    return List.of(
        mask.units(attention(0)).stream().toArray(), mask.units(attention(1)).stream().toArray());
  }

  // What stands for the keys and values of a head group in a KvBlock.
  private static int mark(int layer, int block, int group) {
    return 1_000_000 * layer + 1000 * block + group + 1;
  }

  private MemorySegment place(DeviceKv kv, int layer, long index) {
    return driver.memory(kv.layer(layer).blocks() + index * GROUP_BYTES, GROUP_BYTES);
  }

  private static int[] filled(int mark) {
    int[] ints = new int[GROUP_BYTES / Integer.BYTES];
    Arrays.fill(ints, mark);
    return ints;
  }

  // By a walk over random masks: the groups that two successive masks have in common keep what they
  // hold, others are written anew, as by sequences that begin.
  @ParameterizedTest(name = "staging memory of {0} bytes")
  @ValueSource(ints = {1, 2 * GROUPS * GROUP_BYTES + 100, 1 << 24})
  void whatIsRetainedMovesToItsPlace(int stagingBytes) {
    Random random = new Random(7);
    try (DeviceKv kv = new DeviceKv(backend.parts(), BLOCKS, orders(dense()), stagingBytes)) {
      RetentionMask mask = random(random);
      kv.repack(orders(mask), 0);
      write(
          kv, mask, RetentionMask.dense(mask.shape()).without(attention(0)).without(attention(1)));
      for (int i = 0; i < 60; i++) {
        RetentionMask next = i % 7 == 0 ? dense() : random(random);
        kv.repack(orders(next), USED);
        check(kv, next, mask);
        write(kv, next, mask);
        mask = next;
      }
    }
  }

  // The groups that `before` lacks.
  private void write(DeviceKv kv, RetentionMask mask, RetentionMask before) {
    forEach(
        mask,
        (layer, block, group, place) -> {
          if (!before.retains(attention(layer), group)) {
            place(kv, layer, place)
                .copyFrom(MemorySegment.ofArray(filled(mark(layer, block, group))));
          }
        });
  }

  private void check(DeviceKv kv, RetentionMask mask, RetentionMask before) {
    forEach(
        mask,
        (layer, block, group, place) -> {
          if (before.retains(attention(layer), group)) {
            assertArrayEquals(
                filled(mark(layer, block, group)),
                place(kv, layer, place).toArray(ValueLayout.JAVA_INT));
          }
        });
  }

  private interface Visitor {
    void visit(int layer, int block, int group, long place);
  }

  private static void forEach(RetentionMask mask, Visitor visitor) {
    for (int layer = 0; layer < 2; layer++) {
      long place = 0;
      for (int block = 0; block < USED; block++) {
        for (int group = 0; group < GROUPS; group++) {
          if (mask.retains(attention(layer), group)) {
            visitor.visit(layer, block, group, place++);
          }
        }
      }
    }
  }

  @Test
  void nothingIsQueuedWhereNothingMoves() {
    try (DeviceKv kv = new DeviceKv(backend.parts(), BLOCKS, orders(dense()), 1 << 20)) {
      int before = driver.calls("queue") + driver.calls("upload") + driver.calls("copy");
      BitSet two = new BitSet();
      two.set(2, 4);
      RetentionMask some = dense().with(attention(1), two);
      kv.repack(orders(some), 0); // no block is in use
      kv.repack(orders(some.without(new Sublayer(0, Sublayer.Kind.FEED_FORWARD))), USED);
      kv.repack(orders(some.without(attention(1))), USED);
      kv.repack(orders(dense()), USED);
      assertEquals(before, driver.calls("queue") + driver.calls("upload") + driver.calls("copy"));
    }
  }
}
