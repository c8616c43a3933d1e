package dev.rap.cuda;

import dev.rap.model.ModelConfig;
import java.util.List;
import java.util.Optional;

/**
 * The parameters of a decoder on the device, laid out as {@code kernels/rap_cuda.h} says. Matrices
 * hold elements, everything else F32.
 *
 * @param embedding {@code [V, D]}
 * @param outputNorm {@code [D]}
 * @param output {@code [V, D]}; the embedding's where they are tied
 */
record CudaWeights(
    ModelConfig config,
    Element element,
    DeviceMemory embedding,
    DeviceMemory outputNorm,
    DeviceMemory output,
    List<Layer> layers)
    implements AutoCloseable {

  CudaWeights {
    layers = List.copyOf(layers);
  }

  /**
   * One decoder layer.
   *
   * @param norms {@code [2, D]}: before attention, before feed-forward
   * @param qkv {@code [K * (G + 2) * Dh, D]}
   * @param attentionOutput {@code [H * Dh, D]}
   * @param qkvBias {@code [K * (G + 2) * Dh]}
   * @param outputBias {@code [D]}
   * @param gate {@code [F, D]}
   * @param up {@code [F, D]}
   * @param down {@code [F, D]}
   */
  record Layer(
      DeviceMemory norms,
      ElasticMemory qkv,
      ElasticMemory attentionOutput,
      Optional<DeviceMemory> qkvBias,
      Optional<DeviceMemory> outputBias,
      ElasticMemory gate,
      ElasticMemory up,
      ElasticMemory down)
      implements AutoCloseable {

    @Override
    public void close() {
      for (DeviceMemory memory : List.of(norms, qkv, attentionOutput, gate, up, down)) {
        memory.close();
      }
      qkvBias.ifPresent(DeviceMemory::close);
      outputBias.ifPresent(DeviceMemory::close);
    }
  }

  /** {@return rows of the qkv matrix that belong to one head group, (G + 2) * Dh} */
  static int qkvRows(ModelConfig config) {
    return (config.queryHeadsPerGroup() + 2) * config.headSize();
  }

  /** {@return rows of the attention output that belong to one head group, G * Dh} */
  static int outputRows(ModelConfig config) {
    return config.queryHeadsPerGroup() * config.headSize();
  }

  boolean tied() {
    return output == embedding;
  }

  @Override
  public void close() {
    embedding.close();
    outputNorm.close();
    if (!tied()) {
      output.close();
    }
    layers.forEach(Layer::close);
  }
}
