package dev.rap.cuda;

import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The model's file as the source: slower than {@link HostMaster}, and the host holds nothing. */
final class UnitFile implements UnitSource {
  private static final int QKV = 0; // of attention's matrices; the other is the output
  private static final int DOWN = 2; // of feed-forward's

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final Element element;
  private final Weights weights;
  private final ModelConfig config;
  private final StagingRing staging;
  private final HostRows parts = new HostRows();

  /**
   * @param stream that brings units back
   */
  UnitFile(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      Element element,
      Weights weights,
      MaskShape shape) {
    this.stream = stream;
    this.kernels = kernels;
    this.element = element;
    this.weights = weights;
    this.config = weights.config();
    int channels = Math.max(CudaWeights.outputRows(config), shape.channelBlockSize());
    long most = (long) channels * config.hiddenSize() * Float.BYTES; // no stored type has more
    this.staging = new StagingRing(device, stream, most);
  }

  @Override
  public void bring(MaskShape shape, int sublayer, int matrix, int unit, long to) {
    Weights.Layer layer = weights.layers().get(sublayer / 2);
    boolean attention = sublayer % 2 == 0;
    if (attention && matrix == QKV) {
      int queryRows = CudaWeights.outputRows(config);
      int headSize = config.headSize();
      rows(layer.query().matrix(), unit * queryRows, queryRows, to);
      rows(layer.key().matrix(), unit * headSize, headSize, to + bytes(queryRows));
      rows(layer.value().matrix(), unit * headSize, headSize, to + bytes(queryRows + headSize));
    } else if (attention) {
      int inputs = CudaWeights.outputRows(config);
      columns(layer.attentionOutput().matrix(), unit * inputs, inputs, to);
    } else {
      int first = unit * shape.channelBlockSize();
      int count = Math.min(shape.channelBlockSize(), shape.channels() - first);
      if (matrix == DOWN) {
        columns(layer.down().matrix(), first, count, to);
      } else {
        rows((matrix == 0 ? layer.gate() : layer.up()).matrix(), first, count, to);
      }
    }
  }

  private long bytes(int rows) {
    return (long) rows * config.hiddenSize() * Element.BYTES;
  }

  private void rows(Tensor tensor, int first, int count, long to) {
    convert(parts.rows(tensor, first, count), tensor, count, tensor.columns(), false, to);
  }

  private void columns(Tensor tensor, int first, int count, long to) {
    convert(parts.columns(tensor, first, count), tensor, tensor.rows(), count, true, to);
  }

  private void convert(
      MemorySegment part, Tensor tensor, int rows, int columns, boolean transpose, long to) {
    int outputs = transpose ? columns : rows;
    staging.pass(
        part,
        staged ->
            kernels.convert(
                stream.handle(),
                element,
                to,
                config.hiddenSize(),
                outputs,
                outputs,
                staged.address(),
                HostRows.handedOut(tensor.dtype()).ggmlId(),
                0,
                rows,
                columns,
                transpose));
  }

  @Override
  public void close() {
    staging.close();
    parts.close();
  }
}
