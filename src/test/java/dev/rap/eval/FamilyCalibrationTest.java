package dev.rap.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.engine.Backend;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.ModelRunner;
import dev.rap.kernels.CpuKernels;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.WeightsLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * What calibration measures of each family, against Transformers with a sublayer zeroed at a time
 * ({@code scripts/golden-logits.py}).
 */
class FamilyCalibrationTest {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden");

  // As for the logits' 0.015: keys and values are F16, and an input of an output projection is a
  // mean over tokens of values that reach a few units.
  private static final double TOLERANCE = 0.005;

  @ParameterizedTest
  @FieldSource("dev.rap.engine.GoldenLogits#FAMILIES")
  void lossesAndMeanInputsAgreeWithTransformers(String family) throws IOException {
    Path folder = GOLDEN.resolve(family);
    JsonNode golden = new ObjectMapper().readTree(folder.resolve("golden.json").toFile());
    int[] window = new int[golden.get("tokens").size()];
    for (int i = 0; i < window.length; i++) {
      window[i] = golden.get("tokens").get(i).asInt();
    }
    ModelRunner.Limits limits =
        new ModelRunner.Limits(window.length, 1, window.length, 32, window.length);
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = new CpuBackend(WeightsLoader.load(checkpoint), CpuKernels.open(2), 2);
        ModelRunner runner = backend.newRunner(limits);
        WindowLosses losses = new WindowLosses(runner, window.length)) {
      compare(losses, runner, window, golden);
    }
  }

  private static void compare(
      WindowLosses losses, ModelRunner runner, int[] window, JsonNode golden) {
    int sublayers = 2 * runner.config().layers();
    List<double[]> inputs = new ArrayList<>();
    for (int i = 0; i < sublayers; i++) {
      inputs.add(new double[runner.config().projectionInputSize(Sublayer.of(i).kind())]);
    }
    double scored = window.length - 1;
    double dense = losses.dense(window, inputs) / scored;
    assertEquals(golden.get("cases").get(0).get("nll").asDouble(), dense, TOLERANCE);
    double[] without = new double[sublayers];
    losses.addCandidates(window, RetentionMask.dense(runner.config().maskShape()), without);
    JsonNode calibration = golden.get("calibration");
    for (int i = 0; i < sublayers; i++) {
      String sublayer = Sublayer.of(i).toString();
      assertEquals(
          calibration.get("losses").get(i).asDouble(), without[i] / scored, TOLERANCE, sublayer);
      JsonNode means = calibration.get("meanInputs").get(i);
      assertEquals(means.size(), inputs.get(i).length);
      for (int c = 0; c < means.size(); c++) {
        double mean = inputs.get(i)[c] / window.length;
        assertEquals(means.get(c).asDouble(), mean, TOLERANCE, sublayer + ", input " + c);
      }
    }
  }
}
