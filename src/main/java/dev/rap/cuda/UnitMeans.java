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
  private float[][][] rows; // [2L][units of the sublayer, then all of them together][D]
  private MeanInputs means; // null where there are no rows
  private MaskShape shape;

  UnitMeans(Weights weights) {
    this.weights = weights;
  }

  /** Lets {@link #sum} count with such means and units. The first time all rows are made. */
  void prepare(MeanInputs wanted, MaskShape wantedShape) {
    if (wanted.equals(means) && wantedShape.equals(shape)) {
      return;
    }
    means = null;
    shape = wantedShape;
    rows = new float[shape.sublayers()][][];
    ModelConfig config = weights.config();
    try (Kernels kernels = CpuKernels.open(Runtime.getRuntime().availableProcessors());
        Arena arena = Arena.ofShared()) {
      int inputs = MeanOutputs.inputElements(config);
      MemorySegment input = arena.allocate((long) inputs * Float.BYTES, 64);
      MemorySegment row = arena.allocate((long) config.hiddenSize() * Float.BYTES, 64);
      MeanOutputs outputs = new MeanOutputs(weights, kernels, input);
      for (int i = 0; i < rows.length; i++) {
        rows[i] = rows(outputs, row, Sublayer.of(i), wanted.of(Sublayer.of(i)));
      }
    }
    means = wanted;
  }

  private float[][] rows(MeanOutputs outputs, MemorySegment row, Sublayer sublayer, float[] mean) {
    int units = shape.units(sublayer.kind());
    float[][] made = new float[units + 1][];
    made[units] = new float[weights.config().hiddenSize()];
    for (int unit = 0; unit < units; unit++) {
      BitSet one = new BitSet();
      one.set(unit);
      outputs.write(row, sublayer, one, shape, mean);
      made[unit] = row.toArray(ValueLayout.JAVA_FLOAT);
      add(made[units], made[unit]);
    }
    return made;
  }

  private static void add(float[] sum, float[] row) {
    for (int d = 0; d < sum.length; d++) {
      sum[d] += row[d];
    }
  }

  /** {@return what some units of a sublayer add together, {@code [D]}, to be read only} */
  float[] sum(Sublayer sublayer, BitSet units) {
    float[][] made = rows[sublayer.index()];
    int all = made.length - 1;
    if (units.cardinality() == all) { // as policies drop them
      return made[all];
    }
    float[] sum = new float[made[all].length];
    units.stream().forEach(unit -> add(sum, made[unit]));
    return sum;
  }
}
