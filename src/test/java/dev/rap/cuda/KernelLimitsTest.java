package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.kernels.RopePairing;
import dev.rap.model.Architecture;
import dev.rap.model.ModelConfig;
import dev.rap.model.RopeScaling;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelLimitsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ffn-biased |",
        "gqa4-llama3-rope |",
        "llama-linear |",
        "qwen2-yarn |",
        "phi3-longrope |",
        "mistral | sliding windows, which this Mistral needs",
        "phi3 | sliding windows, which this Phi-3 needs",
        "phi4 | RoPE on a part of a head, which this Phi-3 needs",
        "qwen3 | norms of queries and keys, which this Qwen3 needs",
        "smollm3 | layers with a RoPE apart, which this SmolLM3 needs",
        "gemma2 | sliding windows, norms after sublayers, soft caps, scaled embeddings,"
            + " gates but SiLU, which this Gemma 2 needs",
        "gemma3 | sliding windows, layers with a RoPE apart, norms of queries and keys,"
            + " norms after sublayers, scaled embeddings, gates but SiLU, which this Gemma 3 needs",
      })
  void whatIsLackingIsNamed(String model, String lacking) {
    try (Checkpoint checkpoint = Checkpoint.open(GOLDEN.resolve(model))) {
      Weights weights = WeightsLoader.load(checkpoint);
      Optional<String> expected =
          Optional.ofNullable(lacking).map(what -> "the CUDA kernels have no " + what);
      assertEquals(expected, KernelLimits.lackFor(widened(weights)));
    }
  }

  // The tiny models' shapes are not the kernels'.
  private static Weights widened(Weights weights) {
    ModelConfig config = weights.config();
    Architecture architecture = config.architecture();
    float scale = Architecture.llama(1, 64).queryScale();
    Architecture scaled =
        new Architecture(
            architecture.family(),
            architecture.activation(),
            architecture.embeddingScale(),
            scale,
            architecture.scoreCap(),
            architecture.logitCap(),
            64 * architecture.rotarySize() / config.headSize(),
            architecture.localRopeTheta(),
            architecture.layers());
    ModelConfig wide =
        new ModelConfig(
            config.name(),
            config.layers(),
            64,
            config.queryHeads(),
            config.kvHeads(),
            64,
            config.feedForwardSize(),
            config.vocabularySize(),
            config.contextLength(),
            config.rmsEps(),
            config.ropeTheta(),
            new RopeScaling.None(),
            RopePairing.HALVES,
            scaled);
    return new Weights(
        wide, weights.embedding(), weights.outputNorm(), weights.output(), weights.layers());
  }
}
