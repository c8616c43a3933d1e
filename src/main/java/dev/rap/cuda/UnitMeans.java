package dev.rap.cuda;

import dev.rap.model.MaskShape;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.Sublayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What each unit adds to the hidden state on average: its mean input times its rows of the output
 * projection. Made while all units are on the device, for the time when they are not.
 */
final class UnitMeans implements AutoCloseable {
  private static final int TABLE_INTS = 4; // a count, a unit, and what aligns the next table

  private final CudaDevice device;
  private final CudaStream stream;
  private final CudaKernels kernels;
  private final CudaWeights weights;
  private MeanInputs means; // null before the first
  private MaskShape shape;
  private DeviceMemory rows; // F32 [2L, most units of a sublayer, D]

  UnitMeans(CudaDevice device, CudaStream stream, CudaKernels kernels, CudaWeights weights) {
    this.device = device;
    this.stream = stream;
    this.kernels = kernels;
    this.weights = weights;
  }

  /** {@return whether {@link #row} is ready for these means and units} */
  boolean isFor(MeanInputs other, MaskShape otherShape) {
    return other.equals(means) && otherShape.equals(shape);
  }

  /** {@return F32 {@code [D]} of one unit} */
  long row(Sublayer sublayer, int unit) {
    return rows.address(((long) sublayer.index() * mostUnits() + unit) * rowBytes());
  }

  private int mostUnits() {
    return Math.max(shape.headGroups(), shape.channelBlocks());
  }

  private long rowBytes() {
    return (long) weights.config().hiddenSize() * Float.BYTES;
  }

  /** Computes all rows; all units must be at home. */
  void compute(MeanInputs changed, MaskShape changedShape) {
    close();
    means = changed;
    shape = changedShape;
    rows = device.allocate(rowBytes() * shape.sublayers() * mostUnits(), MemoryOwner.WORKSPACE);
    stream.fill(rows, 0, (byte) 0, rows.bytes());
    ModelConfig config = weights.config();
    int inputs = Math.max(config.querySize(), config.feedForwardSize());
    long scratchBytes = kernels.accumulateScratch(1, config.hiddenSize());
    try (DeviceMemory scratch = device.allocate(scratchBytes, MemoryOwner.WORKSPACE);
        DeviceMemory tables = device.allocate(tableBytes(mostUnits()), MemoryOwner.WORKSPACE);
        DeviceMemory mean = device.allocate((long) inputs * Element.BYTES, MemoryOwner.WORKSPACE)) {
      stream.fill(scratch, 0, (byte) 0, scratchBytes);
      uploadTables(tables);
      for (int i = 0; i < shape.sublayers(); i++) {
        project(Sublayer.of(i), mean, tables, scratch);
      }
      stream.synchronize();
    }
  }

  private static long tableBytes(int units) {
    return (long) units * TABLE_INTS * Integer.BYTES;
  }

  private void uploadTables(DeviceMemory tables) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(tables.bytes(), 64);
      for (int unit = 0; unit < mostUnits(); unit++) {
        host.setAtIndex(ValueLayout.JAVA_INT, (long) unit * TABLE_INTS, 1);
        host.setAtIndex(ValueLayout.JAVA_INT, (long) unit * TABLE_INTS + 1, unit);
      }
      stream.upload(tables, 0, host, host.byteSize());
    }
  }

  private void project(
      Sublayer sublayer, DeviceMemory mean, DeviceMemory tables, DeviceMemory scratch) {
    float[] values = means.of(sublayer);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment elements = arena.allocate((long) values.length * Element.BYTES, 64);
      for (int i = 0; i < values.length; i++) {
        elements.setAtIndex(ValueLayout.JAVA_SHORT, i, weights.element().bits(values[i]));
      }
      stream.upload(mean, 0, elements, elements.byteSize());
    }
    boolean attention = sublayer.kind() == Sublayer.Kind.ATTENTION;
    DeviceMemory matrix = weights.layers().get(sublayer.layer()).output(sublayer.kind()).matrix();
    int unitRows = attention ? CudaWeights.outputRows(weights.config()) : shape.channelBlockSize();
    for (int unit = 0; unit < shape.units(sublayer.kind()); unit++) {
      kernels.accumulate(
          stream.handle(),
          weights.element(),
          row(sublayer, unit),
          mean.address(),
          values.length,
          1,
          matrix.address(),
          values.length,
          weights.config().hiddenSize(),
          new CudaKernels.Units(tables.address(tableBytes(unit)), unitRows),
          0,
          scratch.address());
    }
  }

  @Override
  public void close() {
    if (rows != null) {
      rows.close();
      rows = null;
    }
  }
}
