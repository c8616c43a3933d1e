package dev.rap.model;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.checkpoint.HuggingFaceCheckpoint;

/** Makes a decoder of a checkpoint, and refuses by name what would not be one. */
public final class WeightsLoader {
  private WeightsLoader() {}

  /**
   * {@return the parameters of the model in {@code checkpoint}, which still owns the tensors}
   *
   * <p>Norms, biases and RoPE divisors are looked through for NaN and infinity, and so are the
   * other weights, or their scales if they are quantised. Of weights that take more than 1 GiB,
   * every n-th row is, so that 1 GiB is read.
   *
   * @throws InputException if the architecture, a type or a setting is not supported, or tensors
   *     are missing, left over, of another shape than the configuration says, or not finite
   */
  public static Weights load(Checkpoint checkpoint) {
    return switch (checkpoint) {
      case GgufCheckpoint file -> {
        GgufConfig config = new GgufConfig(file);
        yield new WeightsReader(file, config.names()).read(config.read(), config.tied());
      }
      case HuggingFaceCheckpoint folder -> {
        HuggingFaceConfig config = new HuggingFaceConfig(folder);
        yield new WeightsReader(folder, config.names()).read(config.read(), config.tied());
      }
    };
  }
}
