package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.engine.Backend;
import dev.rap.engine.ModelRunner;
import dev.rap.kv.BlockTable;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Logits on the GPU against those that Transformers computes on the same GPU in fp32 and in RAP's
 * type ({@code scripts/golden-gpu.py}, which the bundle of {@code scripts/gpu-test.sh} runs).
 */
@Tag("gpu")
class GpuGoldenTest {
  // RAP adds the residual stream in F32 where Transformers rounds it, but most of both errors is
  // the rounding of weights and of what goes into products: chance decides by a little which is
  // less.
  private static final double OF_TRANSFORMERS = 1.25;

  @ParameterizedTest(name = "at most {0} tokens a step")
  @ValueSource(ints = {512, 8})
  void errsNoMoreThanTransformersInTheSameTypeOnTheSameGpu(int stepTokens) throws IOException {
    String golden = System.getenv("RAP_GOLDEN_GPU");
    assumeTrue(golden != null, "RAP_GOLDEN_GPU names no output of scripts/golden-gpu.py");
    List<String> worse = new ArrayList<>();
    for (JsonNode model : new ObjectMapper().readTree(new File(golden)).get("models")) {
      Path path = Path.of(model.get("path").asText());
      try (Checkpoint checkpoint = Checkpoint.open(path)) {
        Weights weights = WeightsLoader.load(checkpoint);
        if (KernelLimits.lackFor(weights).isEmpty()) {
          check(model, weights, stepTokens, worse);
        }
      }
    }
    assertEquals(List.of(), worse);
  }

  private static void check(JsonNode model, Weights weights, int stepTokens, List<String> worse) {
    try (CudaBackend backend = (CudaBackend) GpuModelTest.load(weights)) {
      Element element = backend.parts().weights().element();
      double[][] exact = rows(model.get("fp32"));
      double theirs = error(rows(model.get(element == Element.BF16 ? "bf16" : "fp16")), exact);
      double ours = error(logits(backend, model, stepTokens), exact);
      String name = Path.of(model.get("path").asText()).getFileName().toString();
      String line = "%s: %s, off by %.2e of the norm, Transformers by %.2e";
      line = line.formatted(name, element, ours, theirs);
      System.out.println(line);
      if (ours > OF_TRANSFORMERS * theirs) {
        worse.add(line);
      }
    }
  }

  private static double[][] logits(Backend backend, JsonNode model, int stepTokens) {
    int[] tokens = Arrays.stream(row(model.get("tokens"))).mapToInt(token -> (int) token).toArray();
    double[] positions = row(model.get("positions"));
    double[][] rows = new double[positions.length][];
    int length = tokens.length;
    try (ModelRunner runner =
        backend.newRunner(new ModelRunner.Limits(stepTokens, 1, length, length, 1))) {
      ModelConfig config = runner.config();
      BlockTable table = new BlockTable();
      runner.pool().reserve(table, length);
      byte[] present = new byte[config.layers() * config.kvHeads()];
      Arrays.fill(present, (byte) 1);
      for (int first = 0; first < length; first += stepTokens) {
        int count = Math.min(stepTokens, length - first);
        runner.batch().clear();
        runner.batch().add(tokens, first, count, table, present);
        runner.run();
        for (int i = 0; i < positions.length; i++) {
          int row = (int) positions[i] - first;
          if (row >= 0 && row < count) {
            MemorySegment logits = runner.logits(new int[] {row}, 1);
            rows[i] = new double[config.vocabularySize()];
            for (int v = 0; v < rows[i].length; v++) {
              rows[i][v] = logits.getAtIndex(ValueLayout.JAVA_FLOAT, v);
            }
          }
        }
      }
    }
    return rows;
  }

  private static double[][] rows(JsonNode matrix) {
    double[][] rows = new double[matrix.size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row(matrix.get(i));
    }
    return rows;
  }

  private static double[] row(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asDouble();
    }
    return values;
  }

  // Of the norm of what is expected.
  private static double error(double[][] found, double[][] expected) {
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected[i].length; j++) {
        errors += Math.pow(found[i][j] - expected[i][j], 2);
        squares += Math.pow(expected[i][j], 2);
      }
    }
    return Math.sqrt(errors / squares);
  }
}
