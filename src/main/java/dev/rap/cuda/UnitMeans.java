package dev.rap.cuda;

import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.model.MaskShape;
import dev.rap.model.MeanInputs;
import dev.rap.model.MeanOutputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/**
 * What each unit adds to the hidden state on average, by {@link MeanOutputs}: made once of the
 * model's file and kept in the host's memory, since units may be away from the device.
 */
final class UnitMeans {
  private final Weights weights;
  private MemorySegment rows = MemorySegment.NULL; // F32 [L, head groups + channel blocks, D]
  private MeanInputs means; // null where there are no rows
  private MaskShape shape;

  UnitMeans(Weights weights) {
    this.weights = weights;
  }

  /** Lets {@link #add} count with such means and units. The first time all rows are made. */
  void prepare(MeanInputs wanted, MaskShape wantedShape) {
    if (wanted.equals(means) && wantedShape.equals(shape)) {
      return;
    }
    means = null;
    shape = wantedShape;
    rows = Arena.ofAuto().allocate(shape.layers() * layerUnits() * rowBytes(), 64);
    ModelConfig config = weights.config();
    try (Kernels kernels = CpuKernels.open(Runtime.getRuntime().availableProcessors());
        Arena scratch = Arena.ofShared()) {
      MemorySegment input =
          scratch.allocate(ValueLayout.JAVA_FLOAT, MeanOutputs.inputElements(config));
      MeanOutputs outputs = new MeanOutputs(weights, kernels, input);
      for (int i = 0; i < shape.sublayers(); i++) {
        write(outputs, Sublayer.of(i), wanted.of(Sublayer.of(i)));
      }
    }
    means = wanted;
  }

  private void write(MeanOutputs outputs, Sublayer sublayer, float[] mean) {
    for (int unit = 0; unit < shape.units(sublayer.kind()); unit++) {
      BitSet one = new BitSet();
      one.set(unit);
      outputs.write(row(sublayer, unit), sublayer, one, shape, mean);
    }
  }

  private long layerUnits() {
    return (long) shape.headGroups() + shape.channelBlocks();
  }

  private long rowBytes() {
    return (long) weights.config().hiddenSize() * Float.BYTES;
  }

  private MemorySegment row(Sublayer sublayer, int unit) {
    int first = sublayer.kind() == Sublayer.Kind.ATTENTION ? 0 : shape.headGroups();
    long index = sublayer.layer() * layerUnits() + first + unit;
    return rows.asSlice(index * rowBytes(), rowBytes());
  }

  /**
   * Adds what some units of a sublayer add.
   *
   * @param sum float {@code [D]}
   */
  void add(MemorySegment sum, Sublayer sublayer, BitSet units) {
    for (int unit = units.nextSetBit(0); unit >= 0; unit = units.nextSetBit(unit + 1)) {
      MemorySegment row = row(sublayer, unit);
      for (int d = 0; d < weights.config().hiddenSize(); d++) {
        float value = row.getAtIndex(ValueLayout.JAVA_FLOAT, d);
        sum.setAtIndex(
            ValueLayout.JAVA_FLOAT, d, sum.getAtIndex(ValueLayout.JAVA_FLOAT, d) + value);
      }
    }
  }
}
