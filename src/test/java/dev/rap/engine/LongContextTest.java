package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.kernels.CpuKernels;
import dev.rap.kv.BlockTable;
import dev.rap.model.RetentionMask;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The last position of long contexts against Transformers in fp32 ({@code scripts/golden-long.py}).
 */
class LongContextTest {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden");
  private static final int STEP_TOKENS = 512;

  // As in GoldenLogitsTest: keys and values are kept in F16.
  private static final double TOLERANCE = 0.015;

  private static int[] tokens(int count) {
    int[] tokens = new int[count];
    long x = 1;
    for (int i = 0; i < count; i++) {
      tokens[i] = (int) (x >> 16) % 64;
      x = (1_103_515_245 * x + 12_345) % (1L << 31);
    }
    return tokens;
  }

  @ParameterizedTest
  @ValueSource(ints = {8_192, 32_768})
  void theFarEndAgreesWithTransformers(int length) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(GOLDEN.resolve("mha-biased"));
        Backend backend = backend(WeightsLoader.load(checkpoint));
        ModelRunner runner =
            backend.newRunner(new ModelRunner.Limits(STEP_TOKENS, 1, length, length, 1))) {
      runner.setMask(RetentionMask.dense(backend.weights().config().maskShape()), Optional.empty());
      MemorySegment logits = lastLogits(runner, tokens(length));
      JsonNode expected = golden(length);
      for (int v = 0; v < expected.size(); v++) {
        assertEquals(
            expected.get(v).asDouble(),
            logits.getAtIndex(ValueLayout.JAVA_FLOAT, v),
            TOLERANCE,
            "logit " + v);
      }
    }
  }

  private static Backend backend(Weights weights) {
    return new CpuBackend(weights, CpuKernels.open(2), 2);
  }

  private static JsonNode golden(int length) throws IOException {
    for (JsonNode golden : new ObjectMapper().readTree(GOLDEN.resolve("long.json").toFile())) {
      if (golden.get("length").asInt() == length) {
        return golden.get("logits");
      }
    }
    throw new AssertionError("no golden of length " + length);
  }

  private static MemorySegment lastLogits(ModelRunner runner, int[] tokens) {
    BlockTable table = new BlockTable();
    assertTrue(runner.pool().reserve(table, tokens.length));
    byte[] present = new byte[runner.config().layers() * runner.config().kvHeads()];
    Arrays.fill(present, (byte) 1);
    for (int first = 0; first < tokens.length; first += STEP_TOKENS) {
      runner.batch().clear();
      runner.batch().add(tokens, first, STEP_TOKENS, table, present);
      runner.run();
    }
    return runner.logits(new int[] {STEP_TOKENS - 1}, 1);
  }
}
