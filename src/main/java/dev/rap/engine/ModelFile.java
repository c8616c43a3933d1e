package dev.rap.engine;

import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import java.nio.file.Path;

/**
 * A model before it runs anywhere.
 *
 * @param path its GGUF file or Hugging Face folder
 * @param fingerprint what tells it from others, see {@link
 *     dev.rap.checkpoint.Checkpoint#fingerprint()}
 * @param weights its parameters, mapped
 */
public record ModelFile(Path path, String fingerprint, Weights weights) {
  public ModelConfig config() {
    return weights.config();
  }
}
