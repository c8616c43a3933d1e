package dev.rap.cuda;

import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.Sublayer;
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
   * A matrix and what is added after it.
   *
   * @param bias one value for each output
   */
  record Projection(ElasticMemory matrix, Optional<DeviceMemory> bias) implements AutoCloseable {

    /** {@return where the bias is, or 0} */
    long biasAddress() {
      return bias.map(DeviceMemory::address).orElse(0L);
    }

    @Override
    public void close() {
      matrix.close();
      bias.ifPresent(DeviceMemory::close);
    }
  }

  /**
   * One decoder layer.
   *
   * @param norms {@code [2, D]}: before attention, before feed-forward
   * @param qkv {@code [K * (G + 2) * Dh, D]}
   * @param attentionOutput {@code [H * Dh, D]}
   * @param gate {@code [F, D]}
   * @param up {@code [F, D]}
   * @param down {@code [F, D]}
   */
  record Layer(
      DeviceMemory norms,
      Projection qkv,
      Projection attentionOutput,
      Projection gate,
      Projection up,
      Projection down)
      implements AutoCloseable {

    /** {@return the projection that a sublayer ends with} */
    Projection output(Sublayer.Kind kind) {
      return kind == Sublayer.Kind.ATTENTION ? attentionOutput : down;
    }

    @Override
    public void close() {
      norms.close();
      List.of(qkv, attentionOutput, gate, up, down).forEach(Projection::close);
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

  /** {@return the matrices of a sublayer, whose rows come and go with its units} */
  List<ElasticMemory> matrices(int sublayer) {
    Layer layer = layers.get(sublayer / 2);
    return Sublayer.of(sublayer).kind() == Sublayer.Kind.ATTENTION
        ? List.of(layer.qkv().matrix(), layer.attentionOutput().matrix())
        : List.of(layer.gate().matrix(), layer.up().matrix(), layer.down().matrix());
  }

  /** {@return the projections of a sublayer whose biases belong to its units} */
  List<Projection> inputs(int sublayer) {
    Layer layer = layers.get(sublayer / 2);
    return Sublayer.of(sublayer).kind() == Sublayer.Kind.ATTENTION
        ? List.of(layer.qkv())
        : List.of(layer.gate(), layer.up());
  }

  /** {@return the rows of units in each of {@link #matrices}} */
  List<UnitRows> unitRows(MaskShape shape, int sublayer) {
    long rowBytes = (long) config.hiddenSize() * Element.BYTES;
    if (Sublayer.of(sublayer).kind() == Sublayer.Kind.FEED_FORWARD) {
      UnitRows rows = new UnitRows(shape.channelBlockSize(), shape.channels(), rowBytes);
      return List.of(rows, rows, rows);
    }
    int qkv = qkvRows(config);
    int output = outputRows(config);
    return List.of(
        new UnitRows(qkv, config.kvHeads() * qkv, rowBytes),
        new UnitRows(output, config.kvHeads() * output, rowBytes));
  }

  /**
   * The rows of units in a matrix.
   *
   * @param unitRows of one unit
   * @param totalRows of all: the last unit may have fewer
   */
  record UnitRows(int unitRows, int totalRows, long rowBytes) {
    /** {@return where a unit begins that lies in a slot} */
    long offset(int slot) {
      return (long) slot * unitRows * rowBytes;
    }

    /** {@return bytes of a unit} */
    long bytes(int unit) {
      return Math.min(unitRows, totalRows - unit * unitRows) * rowBytes;
    }

    /** {@return bytes of the first slots} */
    long front(int slots) {
      return Math.min((long) slots * unitRows, totalRows) * rowBytes;
    }
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
