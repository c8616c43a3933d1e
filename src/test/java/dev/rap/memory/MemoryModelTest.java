package dev.rap.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.kernels.RopePairing;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import dev.rap.model.Sublayer;
import dev.rap.model.Sublayer.Kind;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryModelTest {
  private static final ModelConfig LLAMA_2_7B = config(32, 4096, 32, 32, 128, 11008, 32000);
  private static final ModelConfig LLAMA_3_8B = config(32, 4096, 32, 8, 128, 14336, 128256);
  private static final ModelConfig SMOLLM2_135M = config(30, 576, 9, 3, 64, 1536, 49152);
  private static final Workload PAPER = new Workload(8, 2048);

  private static ModelConfig config(
      int layers, int hidden, int heads, int kvHeads, int headSize, int ffn, int vocabulary) {
    return new ModelConfig(
        "test",
        layers,
        hidden,
        heads,
        kvHeads,
        headSize,
        ffn,
        vocabulary,
        8192,
        1e-5f,
        1e4,
        new RopeScaling.None(),
        RopePairing.INTERLEAVED);
  }

  private static MemoryModel paper(ModelConfig config, boolean tied) {
    return MemoryModel.paper(config, config.maskShape(), tied);
  }

  private static double gigabytes(RetentionMask mask) {
    return paper(LLAMA_2_7B, false).bytes(mask, PAPER) / 1e9;
  }

  private static RetentionMask without(ModelConfig config, int[] attention, int[] feedForward) {
    RetentionMask mask = RetentionMask.dense(config.maskShape());
    for (int layer : attention) {
      mask = mask.without(new Sublayer(layer, Kind.ATTENTION));
    }
    for (int layer : feedForward) {
      mask = mask.without(new Sublayer(layer, Kind.FEED_FORWARD));
    }
    return mask;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"llama-linear", "qwen2-yarn", "qwen3", "gemma2", "gemma3", "phi3", "phi4"})
  void everyTensorOfAFamilyCountsOnce(String family) {
    Path file = Path.of("src/test/resources/dev/rap/golden", family, "model.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      Weights weights = WeightsLoader.load(checkpoint);
      long stored =
          checkpoint.names().stream()
              .filter(name -> !name.startsWith("rope_factors_")) // settings, but for their place
              .mapToLong(name -> checkpoint.tensor(name).byteSize())
              .sum();
      assertEquals(stored, MemoryModel.weightBytes(weights, Storage.AS_STORED));
      // Of two head groups, or of as many blocks as there are, each is its share.
      ModelConfig config = weights.config();
      MemoryModel memory = MemoryModel.of(weights, config.maskShape(32), Storage.AS_STORED);
      RetentionMask dense = RetentionMask.dense(config.maskShape(32));
      BitSet first = BitSet.valueOf(new long[] {1});
      Workload one = new Workload(1, 1);
      for (Kind kind : Kind.values()) {
        Sublayer sublayer = new Sublayer(0, kind);
        long matrices =
            weights.layers().getFirst().projections(kind).stream()
                .mapToLong(projection -> projection.matrix().byteSize())
                .sum();
        int units = config.maskShape(32).units(kind);
        long kept = memory.use(dense.with(sublayer, first), one).weights();
        assertEquals(stored - matrices * (units - 1) / units, kept, sublayer.toString());
      }
    }
  }

  // The three rows of the paper's table for Llama-2-7B, in units of 1e9 bytes.
  @Test
  void agreesWithThePaperOnTheDenseModel() {
    assertEquals(22.067, gigabytes(RetentionMask.dense(LLAMA_2_7B.maskShape())), 0.0005);
  }

  @Test
  void agreesWithThePaperAt80Percent() {
    RetentionMask mask =
        without(
            LLAMA_2_7B, new int[] {18, 19, 21, 23, 24, 25, 27, 28, 30}, new int[] {13, 22, 24, 27});
    assertEquals(17.361, gigabytes(mask), 0.0005);
  }

  @Test
  void agreesWithThePaperAt60Percent() {
    RetentionMask mask =
        without(
            LLAMA_2_7B,
            new int[] {8, 10, 12, 13, 14, 18, 19, 21, 22, 23, 24, 25, 27, 28, 30},
            new int[] {7, 8, 9, 12, 13, 18, 20, 22, 24, 26, 27});
    assertEquals(13.051, gigabytes(mask), 0.0005);
  }

  // 28,346,688 + 30 * (884,736 + 2,654,208) parameters and 30 * 6,291,456 KV elements, 2 bytes
  // each.
  @Test
  void countsATiedEmbeddingOnce() {
    assertEquals(646_517_376L, paper(SMOLLM2_135M, true).denseBytes(PAPER));
  }

  // One attention sublayer frees more than one feed-forward sublayer only above this many tokens.
  @Test
  void breaksEvenAtThePapersTokenCounts() {
    assertBreakEven(LLAMA_2_7B, 8_320);
    assertBreakEven(LLAMA_3_8B, 65_536);
  }

  private static void assertBreakEven(ModelConfig config, int tokens) {
    MemoryModel model = paper(config, false);
    Sublayer attention = new Sublayer(3, Kind.ATTENTION);
    Sublayer feedForward = new Sublayer(3, Kind.FEED_FORWARD);
    Workload below = new Workload(1, tokens - 1);
    Workload above = new Workload(1, tokens + 1);
    assertTrue(model.sublayerBytes(attention, below) < model.sublayerBytes(feedForward, below));
    assertTrue(model.sublayerBytes(attention, above) > model.sublayerBytes(feedForward, above));
  }

  @Test
  void sublayerBytesAddUpToTheBytesOfAMask() {
    MemoryModel model = paper(LLAMA_3_8B, false);
    long[] freed = model.sublayerBytes(PAPER);
    RetentionMask mask = without(LLAMA_3_8B, new int[] {0, 7, 31}, new int[] {7, 8});
    long dropped = freed[0] + freed[14] + freed[62] + freed[15] + freed[17];
    assertEquals(model.denseBytes(PAPER) - dropped, model.bytes(mask, PAPER));
    assertEquals(model.smallestBytes(PAPER), model.denseBytes(PAPER) - LongStream.of(freed).sum());
    assertEquals(model.use(RetentionMask.dense(model.shape()), PAPER), model.denseUse(PAPER));
  }
}
