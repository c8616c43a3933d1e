package dev.rap.model;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.model.Family.Trait;
import dev.rap.model.TensorNames.Part;
import dev.rap.model.Weights.Layer;
import dev.rap.model.Weights.Projection;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    Tensor attentionNorm = vector(names.of(layer, Part.ATTENTION_NORM), hiddenSize);
    List<Projection> attention =
        inputs(
            layer,
            Part.QUERY_KEY_VALUE,
            List.of(Part.QUERY, Part.KEY, Part.VALUE),
            List.of(config.querySize(), config.kvSize(), config.kvSize()),
            hiddenSize);
    List<Projection> feedForward =
        inputs(
            layer,
            Part.GATE_UP,
            List.of(Part.GATE, Part.UP),
            List.of(channels, channels),
            hiddenSize);
    return new Layer(
        attentionNorm,
        attention.get(0),
        attention.get(1),
        attention.get(2),
        projection(names.of(layer, Part.ATTENTION_OUTPUT), hiddenSize, config.querySize()),
        vector(names.of(layer, Part.FEED_FORWARD_NORM), hiddenSize),
        feedForward.get(0),
        feedForward.get(1),
        projection(names.of(layer, Part.DOWN), hiddenSize, channels),
        norm(layer, Trait.HEAD_NORMS, Part.QUERY_NORM, config.headSize()),
        norm(layer, Trait.HEAD_NORMS, Part.KEY_NORM, config.headSize()),
        norm(layer, Trait.GEMMA, Part.ATTENTION_POST_NORM, hiddenSize),
        norm(layer, Trait.GEMMA, Part.FEED_FORWARD_POST_NORM, hiddenSize));
  }

  private Optional<Tensor> norm(int layer, Trait trait, Part part, int elements) {
    return names.family().has(trait)
        ? Optional.of(vector(names.of(layer, part), elements))
        : Optional.empty();
  }

  // A tensor each, or all of them one below the other.
  private List<Projection> inputs(
      int layer, Part fused, List<Part> parts, List<Integer> outputs, int inputs) {
    List<Projection> projections = new ArrayList<>();
    if (!names.family().has(Trait.FUSED)) {
      for (int i = 0; i < parts.size(); i++) {
        projections.add(projection(names.of(layer, parts.get(i)), outputs.get(i), inputs));
      }
      requireBiases(layer, parts, projections);
      return projections;
    }
    int rows = outputs.stream().mapToInt(Integer::intValue).reduce(0, Math::addExact);
    Projection all = projection(names.of(layer, fused), rows, inputs);
    int first = 0;
    for (int count : outputs) {
      projections.add(rows(all, first, count));
      first += count;
    }
    return projections;
  }

  private void requireBiases(int layer, List<Part> parts, List<Projection> projections) {
    boolean needed = names.family().has(Trait.QKV_BIASES) && parts.contains(Part.QUERY);
    for (int i = 0; needed && i < parts.size(); i++) {
      if (projections.get(i).bias().isEmpty()) {
        checkpoint.tensor(names.of(layer, parts.get(i)) + ".bias"); // refused: it is not there
      }
    }
  }

  private static Projection rows(Projection all, int first, int count) {
    Tensor matrix = all.matrix();
    MemorySegment part =
        matrix.data().asSlice(first * matrix.rowBytes(), count * matrix.rowBytes());
    Optional<Tensor> bias =
        all.bias()
            .map(row -> row.data().asSlice((long) Float.BYTES * first, (long) Float.BYTES * count))
            .map(elements -> new Tensor(DType.F32, 1, count, elements));
    return new Projection(new Tensor(matrix.dtype(), count, matrix.columns(), part), bias);
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
    Tensor taken = take(full, tensor, 1, elements);
    return names.family().has(Trait.GEMMA) && !names.isGguf() ? plusOne(taken) : taken;
  }

  private static Tensor plusOne(Tensor norm) {
    MemorySegment sums = Arena.ofAuto().allocate(norm.byteSize(), 64);
    for (int i = 0; i < norm.columns(); i++) {
      float stored = norm.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      sums.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + stored);
    }
    return new Tensor(DType.F32, 1, norm.columns(), sums.asReadOnly());
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
            "%s: has tensor %s, for which a %s decoder of %d layers has no place; supported are norms, and attention and feed-forward with or without biases: use another model"
                .formatted(checkpoint.path(), name, names.family().title(), config.layers()));
      }
    }
  }
}
