package dev.rap.memory;

import dev.rap.model.ModelConfig;
import dev.rap.tensor.Tensor;

/** What a backend keeps of a model, in bytes. */
public interface Storage {

  /** {@return bytes of a parameter tensor} */
  long bytes(Tensor tensor);

  /** {@return columns of a matrix that can only go together, side by side from the first on} */
  default int columnsTogether(Tensor matrix) {
    return 1;
  }

  /** {@return bytes of the activations of one token of a step} */
  long workspaceBytesPerToken(ModelConfig config);

  /** {@return tokens of one prefill step: a longer prompt takes several} */
  int stepTokens();

  /** Parameters as the model's file has them, activations in F32. */
  Storage AS_STORED =
      new Storage() {
        @Override
        public long bytes(Tensor tensor) {
          return tensor.byteSize();
        }

        @Override
        public int columnsTogether(Tensor matrix) {
          return matrix.dtype().blockElements();
        }

        @Override
        public long workspaceBytesPerToken(ModelConfig config) {
          return Float.BYTES
              * (2L * config.hiddenSize()
                  + 2L * config.querySize()
                  + 2L * config.kvSize()
                  + config.feedForwardSize()
                  + (config.architecture().hasLocalRope() ? 2L : 1L)
                      * config.architecture().rotarySize());
        }

        @Override
        public int stepTokens() {
          return MemoryModel.STEP_TOKENS;
        }
      };
}
