package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import dev.rap.tokenizer.Tokenizer;
import java.nio.file.Path;

/**
 * A model before it runs anywhere.
 *
 * @param checkpoint its GGUF file or Hugging Face folder
 * @param weights its parameters, mapped
 * @param tokenizer of its text
 */
public record ModelFile(Checkpoint checkpoint, Weights weights, Tokenizer tokenizer) {
  public Path path() {
    return checkpoint.path();
  }

  /** {@return what tells this model from others, see {@link Checkpoint#fingerprint()}} */
  public String fingerprint() {
    return checkpoint.fingerprint();
  }

  public ModelConfig config() {
    return weights.config();
  }
}
