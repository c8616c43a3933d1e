package dev.rap.cuda;

import dev.rap.kernels.Ranges;
import dev.rap.model.MaskShape;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * A retention mask on the device: for each sublayer the table of retained units that kernels read,
 * and the row that is added with its output: the mean of what was dropped, and the output's bias.
 *
 * <p>Addresses stay when the mask changes, so that one graph serves every mask.
 */
final class MaskTables implements AutoCloseable {
  private static final int SMALLEST_BLOCK = 32; // channels, as MaskShape demands

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final CudaWeights weights;
  private final ModelConfig config;
  private final int tableInts; // of one sublayer
  private final int inputs; // most of an output projection
  private final DeviceMemory tables; // int32 [2L, tableInts], then [tableInts] of what was dropped
  private final DeviceMemory addends; // F32 [2L, D]
  private final DeviceMemory means; // elements [inputs]
  private final DeviceMemory scratch;

  private RetentionMask mask;
  private List<Ranges> runs; // of retained units, by sublayer
  private final BitSet added = new BitSet(); // sublayers whose row is not zero

  MaskTables(CudaDevice device, CudaStream stream, CudaKernels kernels, CudaWeights weights) {
    this.stream = stream;
    this.kernels = kernels;
    this.weights = weights;
    this.config = weights.config();
    int blocks = Math.ceilDiv(config.feedForwardSize(), SMALLEST_BLOCK);
    this.tableInts = 1 + Math.max(config.kvHeads(), blocks);
    this.inputs = Math.max(config.querySize(), config.feedForwardSize());
    long sublayers = 2L * config.layers();
    this.tables = device.allocate((sublayers + 1) * tableBytes(), MemoryOwner.WORKSPACE);
    this.addends = device.allocate(sublayers * rowBytes(), MemoryOwner.WORKSPACE);
    this.means = device.allocate((long) inputs * Element.BYTES, MemoryOwner.WORKSPACE);
    long scratchBytes = kernels.accumulateScratch(1, config.hiddenSize());
    this.scratch = device.allocate(scratchBytes, MemoryOwner.WORKSPACE);
    stream.fill(scratch, 0, (byte) 0, scratchBytes);
    set(RetentionMask.dense(config.maskShape()), Optional.empty());
  }

  private long tableBytes() {
    return (long) tableInts * Integer.BYTES;
  }

  private long rowBytes() {
    return (long) config.hiddenSize() * Float.BYTES;
  }

  RetentionMask mask() {
    return mask;
  }

  /** {@return the runs of retained units of a sublayer} */
  Ranges runs(int sublayer) {
    return runs.get(sublayer);
  }

  /** {@return the table of a sublayer, for the matrix whose units have {@code unitRows} rows} */
  CudaKernels.Units units(int sublayer, int unitRows) {
    return new CudaKernels.Units(tables.address(sublayer * tableBytes()), unitRows);
  }

  /** {@return F32 {@code [D]}} */
  long addend(int sublayer) {
    return addends.address(sublayer * rowBytes());
  }

  /** {@return whether a sublayer's row is not all zeros} */
  boolean adds(int sublayer) {
    return added.get(sublayer);
  }

  /** Holds for what is queued from now on. */
  void set(RetentionMask changed, Optional<MeanInputs> meanInputs) {
    changed.requireFor(config, meanInputs);
    MaskShape shape = changed.shape();
    mask = changed;
    List<Ranges> changedRuns = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(shape.sublayers() * tableBytes(), 64);
      for (int i = 0; i < shape.sublayers(); i++) {
        BitSet units = mask.units(Sublayer.of(i));
        write(host.asSlice(i * tableBytes(), tableBytes()), units);
        changedRuns.add(Ranges.of(units));
      }
      stream.upload(tables, 0, host, host.byteSize());
    }
    runs = List.copyOf(changedRuns);
    setAddends(meanInputs);
  }

  private static void write(MemorySegment table, BitSet units) {
    table.setAtIndex(ValueLayout.JAVA_INT, 0, units.cardinality());
    int at = 1;
    for (int unit = units.nextSetBit(0); unit >= 0; unit = units.nextSetBit(unit + 1)) {
      table.setAtIndex(ValueLayout.JAVA_INT, at++, unit);
    }
  }

  private void setAddends(Optional<MeanInputs> meanInputs) {
    added.clear();
    stream.fill(addends, 0, (byte) 0, addends.bytes());
    for (int i = 0; i < mask.shape().sublayers(); i++) {
      Sublayer sublayer = Sublayer.of(i);
      BitSet dropped = mask.dropped(sublayer);
      boolean compensated = meanInputs.isPresent() && !dropped.isEmpty();
      boolean attention = sublayer.kind() == Sublayer.Kind.ATTENTION;
      CudaWeights.Layer layer = weights.layers().get(sublayer.layer());
      if (attention && layer.outputBias().isPresent() && (compensated || mask.retains(sublayer))) {
        stream.copy(addends, i * rowBytes(), layer.outputBias().get(), 0, rowBytes());
        added.set(i);
      }
      if (compensated) {
        addProjected(sublayer, dropped, meanInputs.get().of(sublayer));
        added.set(i);
      }
    }
  }

  private void addProjected(Sublayer sublayer, BitSet dropped, float[] mean) {
    long droppedTable = 2L * config.layers() * tableBytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment table = arena.allocate(tableBytes(), 64);
      write(table, dropped);
      stream.upload(tables, droppedTable, table, table.byteSize());
      MemorySegment elements = arena.allocate((long) mean.length * Element.BYTES, 64);
      for (int i = 0; i < mean.length; i++) {
        elements.setAtIndex(ValueLayout.JAVA_SHORT, i, weights.element().bits(mean[i]));
      }
      stream.upload(means, 0, elements, elements.byteSize());
    }
    boolean attention = sublayer.kind() == Sublayer.Kind.ATTENTION;
    CudaWeights.Layer layer = weights.layers().get(sublayer.layer());
    kernels.accumulate(
        stream.handle(),
        weights.element(),
        addend(sublayer.index()),
        means.address(),
        inputs,
        1,
        (attention ? layer.attentionOutput() : layer.down()).address(),
        mean.length,
        config.hiddenSize(),
        new CudaKernels.Units(
            tables.address(droppedTable),
            attention ? CudaWeights.outputRows(config) : mask.shape().channelBlockSize()),
        0,
        scratch.address());
  }

  @Override
  public void close() {
    tables.close();
    addends.close();
    means.close();
    scratch.close();
  }
}
