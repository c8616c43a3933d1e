package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.kv.BlockTable;
import dev.rap.model.MaskShape;
import dev.rap.model.MeanInputs;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Tiny models with the logits that Transformers computed for them in fp32, dense, with units
 * zeroed, and with mean inputs in their place ({@code scripts/golden-logits.py}).
 *
 * @param golden what was computed
 * @param model one of them: a Hugging Face folder or a GGUF file
 */
public record GoldenLogits(Path golden, Path model) {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden");

  public static GoldenLogits of(String model) {
    Path folder = GOLDEN.resolve(model);
    return new GoldenLogits(folder.resolve("golden.json"), folder);
  }

  static GoldenLogits ofGguf(String model) {
    Path folder = GOLDEN.resolve(model);
    return new GoldenLogits(folder.resolve("golden.json"), folder.resolve("model.gguf"));
  }

  /**
   * How far logits may be off.
   *
   * @param absolute of each logit
   * @param relative of their norm
   */
  public record Tolerance(double absolute, double relative) {}

  /** Runs all cases, and compares logits and losses. */
  public void check(Function<Weights, Backend> load, int stepTokens, Tolerance tolerance)
      throws IOException {
    JsonNode golden = new ObjectMapper().readTree(this.golden.toFile());
    check(model, golden, golden.get("cases"), load, stepTokens, tolerance);
  }

  /** The same for the model at {@code path}, with tokens and positions of {@code golden}. */
  public static void check(
      Path path,
      JsonNode golden,
      JsonNode cases,
      Function<Weights, Backend> load,
      int stepTokens,
      Tolerance tolerance) {
    int[] tokens = ints(golden.get("tokens"));
    int[] positions = ints(golden.get("positions"));
    try (Checkpoint checkpoint = Checkpoint.open(path);
        Backend backend = load.apply(WeightsLoader.load(checkpoint))) {
      for (JsonNode goldenCase : cases) {
        try (ModelRunner runner =
            backend.newRunner(new ModelRunner.Limits(stepTokens, 1, 32, 32, 5))) {
          apply(runner, goldenCase, backend.weights());
          check(runner, tokens, positions, goldenCase, tolerance);
        }
      }
    }
  }

  /**
   * Runs the cases with means on one runner, forth and back: what the mask of one drops has left
   * before the next one's.
   */
  public void checkMeansOnTheMove(
      Function<Weights, Backend> load, int stepTokens, Tolerance tolerance) throws IOException {
    JsonNode golden = new ObjectMapper().readTree(this.golden.toFile());
    List<JsonNode> cases = compensated(golden);
    assertTrue(cases.size() > 1, "there is no other mask to move to");
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Backend backend = load.apply(WeightsLoader.load(checkpoint));
        ModelRunner runner = backend.newRunner(new ModelRunner.Limits(stepTokens, 1, 32, 32, 5))) {
      for (int i = 0; i < 2 * cases.size(); i++) {
        JsonNode goldenCase = cases.get(Math.min(i, 2 * cases.size() - 1 - i));
        apply(runner, goldenCase, backend.weights());
        check(
            runner,
            ints(golden.get("tokens")),
            ints(golden.get("positions")),
            goldenCase,
            tolerance);
      }
    }
  }

  /** {@return the mask of the first case with means} */
  public RetentionMask compensatedMask(Weights weights) {
    try {
      JsonNode golden = new ObjectMapper().readTree(this.golden.toFile());
      return mask(compensated(golden).getFirst().get("mask"), weights);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<JsonNode> compensated(JsonNode golden) {
    List<JsonNode> cases = new ArrayList<>();
    golden.get("cases").forEach(cases::add);
    cases.removeIf(goldenCase -> !goldenCase.has("means"));
    return cases;
  }

  private static void apply(ModelRunner runner, JsonNode goldenCase, Weights weights) {
    runner.setMask(mask(goldenCase.get("mask"), weights), means(goldenCase.path("means")));
    runner.reclaim();
    while (runner.work()) {
      // until all that was dropped has left
    }
  }

  private static void check(
      ModelRunner runner, int[] tokens, int[] positions, JsonNode goldenCase, Tolerance tolerance) {
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
          assertEquals(
              0, error, tolerance.absolute(), name + ", position " + positions[next] + ", " + v);
          errors += error * error;
          squares += Math.pow(expected.get(v).asDouble(), 2);
        }
        assertEquals(0, Math.sqrt(errors / squares), tolerance.relative(), name);
        next++;
      }
    }
    runner.pool().release(table);
    assertEquals(positions.length, next);
    double mean = goldenCase.get("nll").asDouble();
    double logits = 5; // about, as their norm goes
    double most = Math.min(tolerance.absolute(), logits * tolerance.relative());
    assertEquals(mean, nll / (tokens.length - 1), most, name);
  }

  private static Optional<MeanInputs> means(JsonNode node) {
    if (node.isMissingNode()) {
      return Optional.empty();
    }
    float[][] means = new float[node.size()][];
    for (int i = 0; i < means.length; i++) {
      means[i] = new float[node.get(i).size()];
      for (int j = 0; j < means[i].length; j++) {
        means[i][j] = node.get(i).get(j).floatValue();
      }
    }
    return Optional.of(new MeanInputs(means));
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
