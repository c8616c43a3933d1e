package dev.rap.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.pruning.MaskFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * SmolLM2 on the beginning of WikiText-2 against Transformers in fp32, dense and with units zeroed
 * ({@code scripts/golden-perplexity.py}). Needs the model file beside the project.
 */
class GoldenPerplexityTest {
  private static final Path MODEL = Path.of("../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden/smollm2.json");

  @TempDir private Path folder;

  // The perplexity may be off by 0.1 % with oracle kernels, by 0.5 % with those that quantise
  // activations; over so few positions chance does not average out, hence twice the latter.
  @ParameterizedTest(name = "{0}, {1} tokens")
  @CsvSource({"reference, 64, 0.001", "native, 1024, 0.01"})
  void agreesWithTransformers(String kernelKind, int tokens, double share) throws Exception {
    assumeTrue(Files.exists(MODEL), "no " + MODEL);
    JsonNode golden = new ObjectMapper().readTree(GOLDEN.toFile());
    int[] window = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      window[i] = golden.get("firstWindow").get(i).asInt();
    }
    Kernels kernels = kernelKind.equals("native") ? CpuKernels.open(2) : CpuKernels.reference();
    try (LoadedModel model =
            LoadedModel.open(MODEL, file -> new CpuBackend(file.weights(), kernels, 1));
        ModelRunner runner = model.newWindowRunner(tokens)) {
      for (JsonNode goldenCase : golden.get("cases")) {
        if (!goldenCase.get("mask").isNull()) {
          Path file = folder.resolve("mask.json");
          Files.writeString(file, goldenCase.get("mask").toString());
          runner.setMask(MaskFile.read(file, model.config()).mask(), Optional.empty());
        }
        double expected = goldenCase.get("prefixNll").get(Integer.toString(tokens)).asDouble();
        Perplexity measured = Perplexity.measure(runner, List.of(window), tokens, done -> {});
        assertEquals(
            Math.exp(expected / (tokens - 1)),
            measured.perplexity(),
            share * measured.perplexity(),
            goldenCase.get("name").asText());
      }
    }
  }
}
