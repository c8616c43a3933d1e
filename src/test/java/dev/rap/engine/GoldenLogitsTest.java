package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.kv.BlockTable;
import dev.rap.model.MaskShape;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Whole models against logits that Transformers computed in fp32, dense and with units zeroed
 * ({@code scripts/golden-logits.py}).
 */
class GoldenLogitsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden");

  // Keys and values are kept in F16: each is off by at most 2^-12 of itself. An output of attention
  // is a mean of values, with scores off by |q||k| 2^-12; the models are two layers deep and the
  // logits reach about 12, so a few times 12 * 2^-12 = 0.003.
  private static final double TOLERANCE = 0.015;

  // Native products with BF16 weights round their inputs to BF16: by up to 2^-9 of themselves in
  // each of the 14 products on the way to the logits, which add up like a random walk to
  // 2^-9 * sqrt(14) = 0.0073 of the logits' norm.
  private static final double BF16_TOLERANCE = 0.01;

  @ParameterizedTest(name = "{0}, {1} tokens a step, {2}")
  @CsvSource({
    "mha-biased,       24, reference",
    "mha-biased,       24, native",
    "mha-biased,        1, native", // one token at a time, as in generation
    "gqa4-llama3-rope, 24, reference",
    "gqa4-llama3-rope,  7, reference", // chunks that end inside of KvBlocks
    "gqa4-llama3-rope, 24, native",
    "gqa4-llama3-rope,  7, native",
    "gqa8-sharded,     24, reference",
    "gqa8-sharded,      1, reference",
    "gqa8-sharded,     24, native"
  })
  void agreesWithTransformers(String folder, int stepTokens, String kernelKind) throws Exception {
    JsonNode golden = new ObjectMapper().readTree(GOLDEN.resolve(folder, "golden.json").toFile());
    int[] tokens = ints(golden.get("tokens"));
    int[] positions = ints(golden.get("positions"));
    try (Kernels kernels =
            kernelKind.equals("native") ? CpuKernels.open(2) : CpuKernels.reference();
        Checkpoint checkpoint = Checkpoint.open(GOLDEN.resolve(folder))) {
      Weights weights = WeightsLoader.load(checkpoint);
      boolean rounds = kernelKind.equals("native") && weights.embedding().dtype() == DType.BF16;
      for (JsonNode goldenCase : golden.get("cases")) {
        try (ModelRunner runner =
            new CpuRunner(weights, kernels, new ModelRunner.Limits(stepTokens, 1, 32, 32, 5))) {
          runner.setMask(mask(goldenCase.get("mask"), weights), Optional.empty());
          check(runner, tokens, positions, goldenCase, rounds);
        }
      }
    }
  }

  private static void check(
      ModelRunner runner, int[] tokens, int[] positions, JsonNode goldenCase, boolean rounds) {
    String name = goldenCase.get("name").asText();
    BlockTable table = new BlockTable();
    runner.pool().reserve(table, tokens.length);
    byte[] present = new byte[runner.config().layers() * 8];
    Arrays.fill(present, (byte) 1);
    double nll = 0;
    int next = 0;
    for (int first = 0; first < tokens.length; first += runner.batch().tokens()) {
      runner.batch().clear();
      int count = Math.min(runner.batch().room(), tokens.length - first);
      runner.batch().add(tokens, first, count, table, present);
      runner.run();
      nll -= runner.logProbs(0, Math.min(count, tokens.length - 1 - first), tokens, first + 1);
      while (next < positions.length && positions[next] < first + count) {
        MemorySegment logits = runner.logits(new int[] {positions[next] - first}, 1);
        JsonNode expected = goldenCase.get("logits").get(next);
        double errors = 0;
        double squares = 0;
        for (int v = 0; v < expected.size(); v++) {
          double logit = logits.getAtIndex(ValueLayout.JAVA_FLOAT, v);
          double error = logit - expected.get(v).asDouble();
          if (!rounds) {
            assertEquals(0, error, TOLERANCE, name + ", position " + positions[next] + ", " + v);
          }
          errors += error * error;
          squares += Math.pow(expected.get(v).asDouble(), 2);
        }
        assertEquals(0, Math.sqrt(errors / squares), BF16_TOLERANCE, name);
        next++;
      }
    }
    assertEquals(positions.length, next);
    double mean = goldenCase.get("nll").asDouble();
    assertEquals(
        mean,
        nll / (tokens.length - 1),
        rounds ? 5 * BF16_TOLERANCE : TOLERANCE,
        name); // logits' norm: about 5
  }

  private static RetentionMask mask(JsonNode node, Weights weights) {
    if (node.isNull()) {
      return RetentionMask.dense(weights.config().maskShape());
    }
    MaskShape shape = weights.config().maskShape(node.get("channelBlockSize").asInt());
    RetentionMask mask = RetentionMask.dense(shape);
    for (int i = 0; i < shape.sublayers(); i++) {
      Sublayer sublayer = Sublayer.of(i);
      boolean attention = sublayer.kind() == Sublayer.Kind.ATTENTION;
      JsonNode kept =
          node.get("layers").get(sublayer.layer()).get(attention ? "headGroups" : "channelBlocks");
      if (kept.isArray()) {
        BitSet units = new BitSet();
        kept.forEach(unit -> units.set(unit.asInt()));
        mask = mask.with(sublayer, units);
      } else if (kept.asText().equals("none")) {
        mask = mask.without(sublayer);
      }
    }
    return mask;
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }
}
