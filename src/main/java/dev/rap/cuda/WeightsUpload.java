package dev.rap.cuda;

import dev.rap.model.ModelConfig;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleConsumer;

/**
 * Brings a model's parameters to the device: file, pinned memory, staging memory, and a kernel that
 * lays them out. The host never holds more of the model than the page cache and the pinned memory.
 */
final class WeightsUpload implements AutoCloseable {
  private final CudaDevice device;
  private final CudaStream stream;
  private final CudaKernels kernels;
  private final Weights weights;
  private final ModelConfig config;
  private final Element element;
  private final StagingRing staging;
  private final HostRows parts = new HostRows();
  private final PagePool pool;
  private final boolean isWhole;
  private final DoubleConsumer progress;
  private final long totalBytes;
  private long doneBytes;
  private final List<Reserved> reserved = new ArrayList<>(); // matrices of layers, in order
  private int ahead; // of reserved, the first that may lack pages
  private int taken; // of those that were reserved

  /**
   * @param isWhole whether the layers' matrices are to be filled; else nothing is behind their
   *     addresses yet
   * @param progress is told the share done, in [0, 1], 0 when it begins
   */
  WeightsUpload(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      PagePool pool,
      Weights weights,
      boolean isWhole,
      DoubleConsumer progress) {
    this.device = device;
    this.isWhole = isWhole;
    this.pool = pool;
    this.stream = stream;
    this.kernels = kernels;
    this.weights = weights;
    this.config = weights.config();
    this.element = elementOf(weights);
    this.progress = progress;
    this.totalBytes = storedBytes(weights);
    this.staging = new StagingRing(device, stream, this::growAhead);
  }

  /**
   * {@return how the parameters are kept}
   *
   * <p>F16 is the more exact by three bits. What was made in BF16 or F32 may have its range and no
   * more, so it is kept in BF16.
   */
  private static Element elementOf(Weights weights) {
    DType stored = weights.layers().getFirst().gate().matrix().dtype();
    return stored == DType.BF16 || stored == DType.F32 ? Element.BF16 : Element.F16;
  }

  private static long storedBytes(Weights weights) {
    long bytes = weights.embedding().byteSize();
    if (!weights.tied()) {
      bytes += weights.output().byteSize();
    }
    for (Weights.Layer layer : weights.layers()) {
      for (Sublayer.Kind kind : Sublayer.Kind.values()) {
        for (Weights.Projection projection : layer.projections(kind)) {
          bytes += projection.matrix().byteSize();
        }
      }
    }
    return bytes;
  }

  /** {@return the parameters; what was allocated goes with the device if it throws} */
  CudaWeights run() {
    progress.accept(0);
    reserve();
    DeviceMemory embedding = table(weights.embedding());
    DeviceMemory output = weights.tied() ? embedding : table(weights.output());
    List<CudaWeights.Layer> layers = new ArrayList<>();
    for (Weights.Layer layer : weights.layers()) {
      layers.add(layer(layer));
    }
    float[] norm = new float[config.hiddenSize()];
    copy(weights.outputNorm(), 0, norm.length, norm, 0);
    DeviceMemory outputNorm = floats(norm);
    stream.synchronize();
    return new CudaWeights(config, element, embedding, outputNorm, output, layers);
  }

  private DeviceMemory table(Tensor tensor) {
    DeviceMemory memory = device.allocate(elementBytes(tensor.rows()), MemoryOwner.WEIGHTS);
    convert(memory.address(), tensor, tensor.rows(), tensor.rows(), false);
    return memory;
  }

  private ElasticMemory rows(Tensor tensor) {
    ElasticMemory memory = elements(tensor.rows());
    fill(memory.address(), tensor, tensor.rows(), tensor.rows(), false);
    return memory;
  }

  private CudaWeights.Layer layer(Weights.Layer layer) {
    CudaWeights.Projection qkv = qkv(layer);
    CudaWeights.Projection output = transposed(layer.attentionOutput());
    CudaWeights.Projection gate = asStored(layer.gate());
    CudaWeights.Projection up = asStored(layer.up());
    CudaWeights.Projection down = transposed(layer.down());
    float[] norms = new float[2 * config.hiddenSize()];
    copy(layer.attentionNorm(), 0, config.hiddenSize(), norms, 0);
    copy(layer.feedForwardNorm(), 0, config.hiddenSize(), norms, config.hiddenSize());
    return new CudaWeights.Layer(floats(norms), qkv, output, gate, up, down);
  }

  private CudaWeights.Projection qkv(Weights.Layer layer) {
    int headSize = config.headSize();
    int groupRows = CudaWeights.outputRows(config);
    int stride = CudaWeights.qkvRows(config);
    ElasticMemory qkv = elements(config.kvHeads() * stride);
    fill(qkv.address(), layer.query().matrix(), groupRows, stride, false);
    fill(row(qkv, groupRows), layer.key().matrix(), headSize, stride, false);
    fill(row(qkv, groupRows + headSize), layer.value().matrix(), headSize, stride, false);
    return new CudaWeights.Projection(qkv, qkvBias(layer));
  }

  private CudaWeights.Projection asStored(Weights.Projection projection) {
    return new CudaWeights.Projection(rows(projection.matrix()), bias(projection));
  }

  private CudaWeights.Projection transposed(Weights.Projection projection) {
    int inputs = projection.matrix().columns();
    ElasticMemory memory = elements(inputs);
    fill(memory.address(), projection.matrix(), inputs, inputs, true);
    return new CudaWeights.Projection(memory, bias(projection));
  }

  private long row(DeviceMemory matrix, int row) {
    return matrix.address(elementBytes(row));
  }

  /** Addresses whose pages are made while the file is read. */
  private record Reserved(ElasticMemory memory, long bytes) {}

  private void reserve() {
    int[] rows = {
      config.kvHeads() * CudaWeights.qkvRows(config),
      config.querySize(),
      config.feedForwardSize(),
      config.feedForwardSize(),
      config.feedForwardSize()
    };
    for (int i = 0; i < config.layers() * rows.length; i++) {
      long bytes = elementBytes(rows[i % rows.length]);
      reserved.add(new Reserved(ElasticMemory.reserve(pool, bytes, MemoryOwner.WEIGHTS), bytes));
    }
  }

  // A piece that takes no longer than the copiers do.
  private boolean growAhead() {
    if (!isWhole || ahead == reserved.size()) {
      return false;
    }
    Reserved next = reserved.get(ahead);
    next.memory().growPiece(next.bytes());
    if (next.memory().missing(next.bytes()) == 0) {
      ahead++;
    }
    return true;
  }

  // The next of those that were reserved.
  private ElasticMemory elements(int rows) {
    Reserved next = reserved.get(taken++);
    if (next.bytes() != elementBytes(rows)) {
      throw new IllegalStateException(
          "%d rows were reserved otherwise: %d bytes".formatted(rows, next.bytes()));
    }
    if (isWhole) {
      next.memory().grow(next.bytes());
    }
    return next.memory();
  }

  private long elementBytes(int rows) {
    return (long) rows * config.hiddenSize() * Element.BYTES;
  }

  private void fill(long y, Tensor tensor, long run, long runStride, boolean transpose) {
    if (isWhole) {
      convert(y, tensor, run, runStride, transpose);
    }
  }

  // Rows of the file go through the ring, as many at a time as it holds.
  private void convert(long y, Tensor tensor, long run, long runStride, boolean transpose) {
    DType type = HostRows.handedOut(tensor.dtype());
    long rowsAtOnce = Math.max(1, staging.slotBytes() / type.byteSize(tensor.columns()));
    for (long first = 0; first < tensor.rows(); first += rowsAtOnce) {
      long rows = Math.min(rowsAtOnce, tensor.rows() - first);
      long firstRow = first;
      staging.pass(
          parts.rows(tensor, first, rows),
          staged ->
              kernels.convert(
                  stream.handle(),
                  element,
                  y,
                  transpose ? config.hiddenSize() : tensor.columns(),
                  run,
                  runStride,
                  staged.address(),
                  type.ggmlId(),
                  firstRow,
                  rows,
                  tensor.columns(),
                  transpose));
      doneBytes += rows * tensor.rowBytes();
      progress.accept((double) doneBytes / totalBytes);
    }
  }

  private Optional<DeviceMemory> qkvBias(Weights.Layer layer) {
    List<Optional<Tensor>> biases =
        List.of(layer.query().bias(), layer.key().bias(), layer.value().bias());
    if (biases.stream().allMatch(Optional::isEmpty)) {
      return Optional.empty();
    }
    int groupRows = CudaWeights.outputRows(config);
    int headSize = config.headSize();
    float[] values = new float[config.kvHeads() * CudaWeights.qkvRows(config)];
    int at = 0;
    for (int group = 0; group < config.kvHeads(); group++) {
      for (int i = 0; i < biases.size(); i++) {
        int count = i == 0 ? groupRows : headSize;
        if (biases.get(i).isPresent()) {
          copy(biases.get(i).get(), group * count, count, values, at);
        }
        at += count;
      }
    }
    return Optional.of(floats(values));
  }

  private Optional<DeviceMemory> bias(Weights.Projection projection) {
    return projection
        .bias()
        .map(
            bias -> {
              float[] values = new float[bias.columns()];
              copy(bias, 0, values.length, values, 0);
              return floats(values);
            });
  }

  private static void copy(Tensor row, int first, int count, float[] values, int at) {
    MemorySegment.copy(
        row.data(), ValueLayout.JAVA_FLOAT, (long) first * Float.BYTES, values, at, count);
  }

  private DeviceMemory floats(float[] values) {
    DeviceMemory memory = device.allocate((long) values.length * Float.BYTES, MemoryOwner.WEIGHTS);
    staging.pass(
        MemorySegment.ofArray(values), staged -> stream.copy(memory, 0, staged, 0, memory.bytes()));
    return memory;
  }

  @Override
  public void close() {
    staging.close();
    parts.close();
  }
}
