package dev.rap.cli;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import dev.rap.kernels.AttentionRule;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.memory.Workload;
import dev.rap.model.Architecture;
import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.tensor.Tensor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What {@code rap inspect} says of a model: the figures of its {@code --json}.
 *
 * @param format of the file
 * @param fingerprint that tells the model from others
 * @param architecture the family
 * @param kvHeads of a layer, each with its query heads a head group
 * @param ropeScaling in words
 * @param windowedLayers of whose attention sees a window only
 * @param window positions that those see; 0 if there are none
 * @param tied whether the output projection is the embedding table
 * @param parameters of all tensors
 * @param bytes of all tensors, as stored
 * @param bytesByType the same, by storage type
 * @param fixedBytes that no mask drops: embedding, output, norms, biases
 * @param layerBytes what each layer's units take
 * @param kvBytesPerToken of all layers
 * @param kvBytesPerTokenOfHeadGroup of one head group
 */
record ModelFacts(
    String name,
    String path,
    String format,
    String fingerprint,
    String architecture,
    int layers,
    int hiddenSize,
    int queryHeads,
    int kvHeads,
    int headSize,
    int feedForwardSize,
    int vocabularySize,
    int contextLength,
    double ropeTheta,
    String ropeScaling,
    int windowedLayers,
    int window,
    boolean tied,
    long parameters,
    long bytes,
    Map<String, Long> bytesByType,
    long fixedBytes,
    int channelBlockSize,
    List<LayerBytes> layerBytes,
    long kvBytesPerToken,
    long kvBytesPerTokenOfHeadGroup) {

  /**
   * Bytes of the weights of one layer.
   *
   * @param headGroup each
   * @param channelBlock each but the last, which may be smaller
   */
  record LayerBytes(long attention, long headGroup, long feedForward, long channelBlock) {}

  static ModelFacts of(Checkpoint checkpoint, Weights weights, int channelBlockSize) {
    ModelConfig config = weights.config();
    MaskShape shape = config.maskShape(channelBlockSize);
    MemoryModel memory = MemoryModel.of(weights, shape, Storage.AS_STORED);
    List<LayerBytes> layers = new ArrayList<>();
    long units = 0;
    for (int layer = 0; layer < config.layers(); layer++) {
      LayerBytes bytes = layerBytes(memory, shape, layer);
      layers.add(bytes);
      units += bytes.attention() + bytes.feedForward();
    }
    int[] windows = windows(config);
    List<Tensor> tensors = tensors(weights);
    long bytes = tensors.stream().mapToLong(Tensor::byteSize).sum();
    long kvOfHeadGroup = 2L * MemoryModel.KV_ELEMENT_BYTES * config.headSize();
    return new ModelFacts(
        config.name(),
        checkpoint.path().toString(),
        switch (checkpoint) {
          case GgufCheckpoint file -> "GGUF";
          case HuggingFaceCheckpoint folder -> "Hugging Face";
        },
        checkpoint.fingerprint(),
        config.architecture().family(),
        config.layers(),
        config.hiddenSize(),
        config.queryHeads(),
        config.kvHeads(),
        config.headSize(),
        config.feedForwardSize(),
        config.vocabularySize(),
        config.contextLength(),
        config.ropeTheta(),
        switch (config.ropeScaling()) {
          case RopeScaling.None none -> "none";
          case RopeScaling.Llama3 llama -> "Llama 3.1, factor " + llama.factor();
          case RopeScaling.Yarn yarn -> "YaRN, factor " + yarn.factor();
          case RopeScaling.LongRope longRope ->
              "LongRoPE, long divisors beyond %d tokens".formatted(longRope.originalContext());
          case RopeScaling.Dynamic dynamic ->
              "dynamic, a larger base beyond %d tokens".formatted(dynamic.originalContext());
          case RopeScaling.Divisors divisors -> "divisors in the file";
        },
        windows.length,
        windows.length == 0 ? 0 : windows[0],
        weights.tied(),
        tensors.stream().mapToLong(tensor -> (long) tensor.rows() * tensor.columns()).sum(),
        bytes,
        bytesByType(tensors),
        bytes - units,
        channelBlockSize,
        layers,
        kvOfHeadGroup * config.kvHeads() * config.layers(),
        kvOfHeadGroup);
  }

  private static int[] windows(ModelConfig config) {
    return config.architecture().layers().stream()
        .mapToInt(Architecture.LayerAttention::window)
        .filter(window -> window != AttentionRule.UNBOUNDED)
        .toArray();
  }

  private static LayerBytes layerBytes(MemoryModel memory, MaskShape shape, int layer) {
    Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
    Sublayer feedForward = new Sublayer(layer, Sublayer.Kind.FEED_FORWARD);
    return new LayerBytes(
        freed(memory, shape, attention, new BitSet()),
        freed(memory, shape, attention, allButTheFirst(shape, attention)),
        freed(memory, shape, feedForward, new BitSet()),
        freed(memory, shape, feedForward, allButTheFirst(shape, feedForward)));
  }

  private static BitSet allButTheFirst(MaskShape shape, Sublayer sublayer) {
    BitSet units = new BitSet();
    units.set(1, shape.units(sublayer.kind()));
    return units;
  }

  private static long freed(
      MemoryModel memory, MaskShape shape, Sublayer sublayer, BitSet retained) {
    RetentionMask dense = RetentionMask.dense(shape);
    Workload any = new Workload(1, 1);
    return memory.use(dense, any).weights()
        - memory.use(dense.with(sublayer, retained), any).weights();
  }

  private static Map<String, Long> bytesByType(List<Tensor> tensors) {
    Map<String, Long> bytes = new TreeMap<>();
    for (Tensor tensor : tensors) {
      bytes.merge(tensor.dtype().name(), tensor.byteSize(), Long::sum);
    }
    return bytes;
  }

  private static List<Tensor> tensors(Weights weights) {
    List<Tensor> tensors = new ArrayList<>(List.of(weights.embedding(), weights.outputNorm()));
    if (!weights.tied()) {
      tensors.add(weights.output());
    }
    for (Weights.Layer layer : weights.layers()) {
      tensors.addAll(layer.norms());
      for (Sublayer.Kind kind : Sublayer.Kind.values()) {
        for (Weights.Projection projection : layer.projections(kind)) {
          tensors.add(projection.matrix());
          projection.bias().ifPresent(tensors::add);
        }
      }
    }
    return tensors;
  }
}
