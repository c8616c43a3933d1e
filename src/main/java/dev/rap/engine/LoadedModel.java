package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.memory.MemoryModel;
import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.function.Function;

/** A model file opened for use: tokenizer, and the backend that has its weights and runs it. */
public final class LoadedModel implements AutoCloseable {
  private static final int SCORED_ROWS = 64; // at a time: bounds the logits of a scored text

  private final ModelFile file;
  private final Backend backend;

  private LoadedModel(ModelFile file, Backend backend) {
    this.file = file;
    this.backend = backend;
  }

  /**
   * {@return the model in {@code path}}
   *
   * @param path a GGUF file or a Hugging Face folder
   * @param load brings the parameters where they run; what it makes is closed with the model
   * @throws dev.rap.InputException if it cannot be used
   */
  public static LoadedModel open(Path path, Function<ModelFile, Backend> load) {
    Checkpoint checkpoint = Checkpoint.open(path);
    try {
      ModelFile file =
          new ModelFile(checkpoint, WeightsLoader.load(checkpoint), Tokenizer.of(checkpoint));
      return new LoadedModel(file, load.apply(file));
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  /** {@return the model's file} */
  public ModelFile file() {
    return file;
  }

  public Path path() {
    return file.path();
  }

  /** {@return what tells this model from others, see {@link Checkpoint#fingerprint()}} */
  public String fingerprint() {
    return file.fingerprint();
  }

  public ModelConfig config() {
    return file.config();
  }

  /** {@return the parameters as the model's file has them} */
  public Weights weights() {
    return backend.weights();
  }

  public Tokenizer tokenizer() {
    return file.tokenizer();
  }

  public Backend backend() {
    return backend;
  }

  /** {@return what masks of {@code shape} need where the model runs} */
  public MemoryModel memoryModel(MaskShape shape) {
    return MemoryModel.of(weights(), shape, backend.storage());
  }

  /** {@return what masks of the model's usual shape need where the model runs} */
  public MemoryModel memoryModel() {
    return memoryModel(config().maskShape());
  }

  /** {@return a runner that scores windows of {@code tokens} tokens, one at a time} */
  public ModelRunner newWindowRunner(int tokens) {
    int step = Math.min(tokens, backend.storage().stepTokens());
    return backend.newRunner(new ModelRunner.Limits(step, 1, tokens, tokens, SCORED_ROWS));
  }

  @Override
  public void close() {
    backend.close();
    file.checkpoint().close();
  }
}
