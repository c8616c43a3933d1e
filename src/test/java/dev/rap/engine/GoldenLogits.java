package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * Tiny models with the logits that Transformers computed for them in fp32, dense, with units
 * zeroed, and with mean inputs in their place ({@code scripts/golden-logits.py}).
 *
 * @param golden what was computed
 * @param model one of them: a Hugging Face folder or a GGUF file
 */
public record GoldenLogits(Path golden, Path model) {
  /** One model of each family, in both kinds of file. */
  public static final List<String> FAMILIES =
      List.of(
          "llama-linear",
          "mistral",
          "qwen2-yarn",
          "qwen3",
          "smollm3",
          "gemma2",
          "gemma3",
          "phi3",
          "phi3-longrope",
          "phi4");

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

  /**
   * What a model makes of the tokens.
   *
   * @param logits a row for each position
   * @param nll mean over all tokens but the first, nats
   */
  private record Outcome(List<float[]> logits, double nll) {}

  /** Runs all cases, and compares logits and losses. */
  public void check(Function<Weights, Backend> load, int stepTokens, Tolerance tolerance)
      throws IOException {
    JsonNode golden = new ObjectMapper().readTree(this.golden.toFile());
    check(model, golden, golden.get("cases"), load, stepTokens, tolerance);
  }

  /** The same for longer sequences, in contexts beyond that of the model's first training. */
  public void checkBeyond(Function<Weights, Backend> load, int stepTokens, Tolerance tolerance)
      throws IOException {
    JsonNode beyond = new ObjectMapper().readTree(golden.toFile()).get("beyond");
    check(model, beyond, beyond.get("cases"), load, stepTokens, tolerance);
  }

  /** The same for the model at {@code path}, with tokens and positions of {@code golden}. */
  public static void check(
      Path path,
      JsonNode golden,
      JsonNode cases,
      Function<Weights, Backend> load,
      int stepTokens,
      Tolerance tolerance) {
    run(
        path,
        golden,
        cases,
        load,
        stepTokens,
        (goldenCase, outcome) -> compare(goldenCase, golden, outcome, tolerance));
  }

  /** {@return {@code cases} with what the model at {@code path} makes of them} */
  static ArrayNode record(
      Path path, JsonNode golden, JsonNode cases, Function<Weights, Backend> load, int stepTokens) {
    ArrayNode recorded = JsonNodeFactory.instance.arrayNode();
    run(
        path,
        golden,
        cases,
        load,
        stepTokens,
        (one, outcome) -> {
          ObjectNode copy = one.deepCopy();
          ArrayNode rows = copy.put("nll", outcome.nll).putArray("logits");
          for (float[] logits : outcome.logits) {
            ArrayNode row = rows.addArray();
            for (float logit : logits) {
              row.add(logit);
            }
          }
          recorded.add(copy);
        });
    return recorded;
  }

  private static void run(
      Path path,
      JsonNode golden,
      JsonNode cases,
      Function<Weights, Backend> load,
      int stepTokens,
      BiConsumer<JsonNode, Outcome> action) {
    try (Checkpoint checkpoint = Checkpoint.open(path);
        Backend backend = load.apply(WeightsLoader.load(checkpoint))) {
      int length = golden.get("tokens").size();
      ModelRunner.Limits limits = new ModelRunner.Limits(stepTokens, 1, length, length, 5);
      for (JsonNode one : cases) {
        try (ModelRunner runner = backend.newRunner(limits)) {
          apply(runner, one, backend.weights());
          action.accept(one, run(runner, golden));
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
        compare(goldenCase, golden, run(runner, golden), tolerance);
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

  private static Outcome run(ModelRunner runner, JsonNode golden) {
    int[] tokens = ints(golden.get("tokens"));
    int[] positions = ints(golden.get("positions"));
    BlockTable table = new BlockTable();
    runner.pool().reserve(table, tokens.length);
    byte[] present = new byte[runner.config().layers() * runner.config().kvHeads()];
    Arrays.fill(present, (byte) 1);
    long rowBytes = Float.BYTES * (long) runner.config().vocabularySize();
    List<float[]> logits = new ArrayList<>();
    double nll = 0;
    for (int first = 0; first < tokens.length; first += runner.batch().tokens()) {
      runner.batch().clear();
      int count = Math.min(runner.batch().room(), tokens.length - first);
      runner.batch().add(tokens, first, count, table, present);
      runner.run();
      nll -= runner.logProbs(0, Math.min(count, tokens.length - 1 - first), tokens, first + 1);
      while (logits.size() < positions.length && positions[logits.size()] < first + count) {
        int row = positions[logits.size()] - first;
        MemorySegment values = runner.logits(new int[] {row}, 1).asSlice(0, rowBytes);
        logits.add(values.toArray(ValueLayout.JAVA_FLOAT));
      }
    }
    runner.pool().release(table);
    return new Outcome(logits, nll / (tokens.length - 1));
  }

  private static void compare(
      JsonNode goldenCase, JsonNode golden, Outcome outcome, Tolerance tolerance) {
    String name = goldenCase.get("name").asText();
    assertEquals(goldenCase.get("logits").size(), outcome.logits.size(), name);
    for (int row = 0; row < outcome.logits.size(); row++) {
      JsonNode expected = goldenCase.get("logits").get(row);
      String where = name + ", position " + golden.get("positions").get(row);
      double errors = 0;
      double squares = 0;
      for (int v = 0; v < expected.size(); v++) {
        double error = outcome.logits.get(row)[v] - expected.get(v).asDouble();
        assertEquals(0, error, tolerance.absolute(), where + ", " + v);
        errors += error * error;
        squares += Math.pow(expected.get(v).asDouble(), 2);
      }
      assertEquals(0, Math.sqrt(errors / squares), tolerance.relative(), where);
    }
    double mean = goldenCase.get("nll").asDouble();
    double logits = 5; // about, as their norm goes
    double most = Math.min(tolerance.absolute(), logits * tolerance.relative());
    assertEquals(mean, outcome.nll, most, name);
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
