package dev.rap.model;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.model.TensorNames.Part;
import dev.rap.model.Weights.Layer;
import dev.rap.model.Weights.Projection;
import dev.rap.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Takes the tensors of one decoder from a checkpoint, each of the shape that it must have. */
final class WeightsReader {
  private final Checkpoint checkpoint;
  private final TensorNames names;
  private final Map<String, Tensor> taken = new HashMap<>();

  WeightsReader(Checkpoint checkpoint, TensorNames names) {
    this.checkpoint = checkpoint;
    this.names = names;
  }

  /** {@return all parameters, of which those looked at are finite, and of which none is left} */
  Weights read(ModelConfig config, boolean tied) {
    int vocabularySize = config.vocabularySize();
    int hiddenSize = config.hiddenSize();
    Tensor embedding = matrix(names.embedding(), vocabularySize, hiddenSize);
    Tensor outputNorm = vector(names.outputNorm(), hiddenSize);
    Tensor output = tied ? embedding : matrix(names.output(), vocabularySize, hiddenSize);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(layer(config, i));
    }
    requireNoneLeft(config, tied);
    FiniteCheck.requireFinite(checkpoint.path(), taken);
    return new Weights(config, embedding, outputNorm, output, layers);
  }

  private Layer layer(ModelConfig config, int layer) {
    int hiddenSize = config.hiddenSize();
    int channels = config.feedForwardSize();
    return new Layer(
        vector(names.of(layer, Part.ATTENTION_NORM), hiddenSize),
        projection(names.of(layer, Part.QUERY), config.querySize(), hiddenSize),
        projection(names.of(layer, Part.KEY), config.kvSize(), hiddenSize),
        projection(names.of(layer, Part.VALUE), config.kvSize(), hiddenSize),
        projection(names.of(layer, Part.ATTENTION_OUTPUT), hiddenSize, config.querySize()),
        vector(names.of(layer, Part.FEED_FORWARD_NORM), hiddenSize),
        projection(names.of(layer, Part.GATE), channels, hiddenSize),
        projection(names.of(layer, Part.UP), channels, hiddenSize),
        projection(names.of(layer, Part.DOWN), hiddenSize, channels));
  }

  private Projection projection(String name, int outputs, int inputs) {
    String biasName = name + ".bias";
    Optional<Tensor> bias =
        checkpoint.findF32(biasName).map(tensor -> take(biasName, tensor, 1, outputs));
    return new Projection(matrix(name, outputs, inputs), bias);
  }

  private Tensor matrix(String name, int rows, int columns) {
    String full = name + ".weight";
    return take(full, checkpoint.tensor(full), rows, columns);
  }

  private Tensor vector(String name, int elements) {
    String full = name + ".weight";
    Tensor tensor = checkpoint.findF32(full).orElseGet(() -> checkpoint.tensor(full));
    return take(full, tensor, 1, elements);
  }

  private Tensor take(String name, Tensor tensor, int rows, int columns) {
    if (tensor.rows() != rows || tensor.columns() != columns) {
      throw new InputException(
          "%s: tensor %s is [%d, %d], expected [%d, %d] by its configuration: fetch it again"
              .formatted(checkpoint.path(), name, tensor.rows(), tensor.columns(), rows, columns));
    }
    taken.put(name, tensor);
    return tensor;
  }

  /** What is left over would have changed the result where the model was made. */
  private void requireNoneLeft(ModelConfig config, boolean tied) {
    for (String name : checkpoint.names()) {
      if (!taken.containsKey(name) && !names.mayBeLeft(name, tied)) {
        throw new InputException(
            "%s: has tensor %s, for which a Llama decoder of %d layers has no place; supported are norms, and attention and feed-forward with or without biases: use another model"
                .formatted(checkpoint.path(), name, config.layers()));
      }
    }
  }
}
