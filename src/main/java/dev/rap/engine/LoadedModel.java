package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.kernels.Kernels;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tokenizer.Tokenizer;
import java.nio.file.Path;

/** A model file opened for use: weights, tokenizer, and the kernels that run it. */
public final class LoadedModel implements AutoCloseable {
  private final Checkpoint checkpoint;
  private final Weights weights;
  private final Tokenizer tokenizer;
  private final Kernels kernels;

  private LoadedModel(
      Checkpoint checkpoint, Weights weights, Tokenizer tokenizer, Kernels kernels) {
    this.checkpoint = checkpoint;
    this.weights = weights;
    this.tokenizer = tokenizer;
    this.kernels = kernels;
  }

  /**
   * {@return the model in {@code path}}
   *
   * @param path a GGUF file or a Hugging Face folder
   * @param kernels are closed with the model
   * @throws dev.rap.InputException if it cannot be used
   */
  public static LoadedModel open(Path path, Kernels kernels) {
    Checkpoint checkpoint = Checkpoint.open(path);
    try {
      return new LoadedModel(
          checkpoint, WeightsLoader.load(checkpoint), Tokenizer.of(checkpoint), kernels);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

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

  public Weights weights() {
    return weights;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public Kernels kernels() {
    return kernels;
  }

  @Override
  public void close() {
    kernels.close();
    checkpoint.close();
  }
}
