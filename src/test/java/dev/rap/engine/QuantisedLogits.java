package dev.rap.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.QuantisedLlama;
import dev.rap.model.Weights;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Function;

/**
 * Models of every storage type with the logits that others computed for them, dense and with units
 * dropped that share blocks with others ({@code scripts/golden-quantised.py}).
 */
public final class QuantisedLogits {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden/quantised.json");

  private QuantisedLogits() {}

  /** Whose logits. */
  public enum Oracle {
    /** Transformers in fp64. */
    EXACT("exact"),
    /** llama.cpp, which rounds activations that meet blocks to 8 bits. */
    LLAMA_CPP("llamaCpp");

    private final String key;

    Oracle(String key) {
      this.key = key;
    }
  }

  /**
   * Runs the model of {@code type}, written into {@code folder}, and compares logits and losses.
   */
  public static void check(
      Path folder,
      DType type,
      Oracle oracle,
      Function<Weights, Backend> load,
      int stepTokens,
      GoldenLogits.Tolerance tolerance)
      throws IOException {
    JsonNode golden = new ObjectMapper().readTree(GOLDEN.toFile());
    JsonNode model = model(golden, type);
    Path file = folder.resolve(type.name().toLowerCase(Locale.ROOT) + ".gguf");
    QuantisedLlama.model(type, model.get("sha256").asText()).write(file);
    GoldenLogits.check(file, golden, model.get(oracle.key), load, stepTokens, tolerance);
  }

  private static JsonNode model(JsonNode golden, DType type) {
    for (JsonNode model : golden.get("models")) {
      if (model.get("type").asText().equals(type.name())) {
        return model;
      }
    }
    throw new AssertionError("has no model of " + type + ": run the script");
  }
}
