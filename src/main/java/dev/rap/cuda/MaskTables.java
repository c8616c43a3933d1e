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
 * A retention mask on the device: for each sublayer the table of slots with retained units that
 * kernels read, and the row that is added with its output: the mean of what was dropped, and the
 * output's bias.
 *
 * <p>Addresses stay when the mask changes, so that one graph serves every mask.
 */
final class MaskTables implements AutoCloseable {
  private static final int SMALLEST_BLOCK = 32; // channels, as MaskShape demands

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final CudaWeights weights;
  private final ElasticWeights elastic;
  private final UnitMeans unitMeans;
  private final ModelConfig config;
  private final int tableInts; // of one sublayer
  private final DeviceMemory tables; // int32 [2L, tableInts]
  private final DeviceMemory addends; // F32 [2L, D]

  private RetentionMask mask;
  private List<Ranges> runs; // of slots with retained units, by sublayer
  private final BitSet added = new BitSet(); // sublayers whose row is not zero

  MaskTables(CudaBackend.Parts parts) {
    this.stream = parts.stream();
    this.kernels = parts.kernels();
    this.weights = parts.weights();
    this.elastic = parts.elastic();
    this.config = weights.config();
    this.unitMeans = parts.unitMeans();
    int blocks = Math.ceilDiv(config.feedForwardSize(), SMALLEST_BLOCK);
    this.tableInts = 1 + Math.max(config.kvHeads(), blocks);
    long sublayers = 2L * config.layers();
    this.tables = parts.device().allocate(sublayers * tableBytes(), MemoryOwner.WORKSPACE);
    this.addends = parts.device().allocate(sublayers * rowBytes(), MemoryOwner.WORKSPACE);
    set(elastic.initial(), Optional.empty());
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

  /** {@return the runs of slots of a sublayer whose units are retained} */
  Ranges runs(int sublayer) {
    return runs.get(sublayer);
  }

  /** {@return the head groups of each layer that the mask retains, in the order of their slots} */
  List<int[]> headGroups() {
    List<int[]> groups = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
      UnitSlots slots = elastic.slots(attention.index());
      groups.add(slots.slotsOf(mask.units(attention)).stream().map(slots::unitAt).toArray());
    }
    return groups;
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

  /**
   * Holds for what is queued from now on.
   *
   * @param changed all its units must be there
   */
  void set(RetentionMask changed, Optional<MeanInputs> meanInputs) {
    changed.requireFor(config, meanInputs);
    mask = changed;
    place();
    setAddends(meanInputs);
  }

  /** Writes the tables for where the mask's units lie now. */
  void place() {
    MaskShape shape = mask.shape();
    List<Ranges> changedRuns = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(shape.sublayers() * tableBytes(), 64);
      for (int i = 0; i < shape.sublayers(); i++) {
        BitSet slots = elastic.slots(i).slotsOf(mask.units(Sublayer.of(i)));
        write(host.asSlice(i * tableBytes(), tableBytes()), slots);
        changedRuns.add(Ranges.of(slots));
      }
      stream.upload(tables, 0, host, host.byteSize());
    }
    runs = List.copyOf(changedRuns);
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
    meanInputs.ifPresent(this::addMeans);
    for (int i = 0; i < mask.shape().sublayers(); i++) {
      Sublayer sublayer = Sublayer.of(i);
      CudaWeights.Layer layer = weights.layers().get(sublayer.layer());
      Optional<DeviceMemory> bias = layer.output(sublayer.kind()).bias();
      if (bias.isPresent() && (added.get(i) || mask.retains(sublayer))) {
        kernels.addRow(stream.handle(), addend(i), bias.get().address(), 1, config.hiddenSize());
        added.set(i);
      }
    }
  }

  // Of what is dropped.
  private void addMeans(MeanInputs means) {
    unitMeans.prepare(means, mask.shape());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment row = arena.allocate(rowBytes(), 64);
      for (int i = 0; i < mask.shape().sublayers(); i++) {
        BitSet dropped = mask.dropped(Sublayer.of(i));
        if (!dropped.isEmpty()) {
          float[] sum = unitMeans.sum(Sublayer.of(i), dropped);
          MemorySegment.copy(sum, 0, row, ValueLayout.JAVA_FLOAT, 0, sum.length);
          stream.upload(addends, i * rowBytes(), row, row.byteSize());
          added.set(i);
        }
      }
    }
  }

  @Override
  public void close() {
    tables.close();
    addends.close();
  }
}
