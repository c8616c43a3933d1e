package dev.rap.model;

import dev.rap.kernels.Kernels;
import dev.rap.kernels.Ranges;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/**
 * What units add to the hidden state on average: the output projection of their mean inputs, of the
 * weights as they are stored.
 *
 * <p>One caller at a time.
 */
public final class MeanOutputs {
  private final Weights weights;
  private final Kernels kernels;
  private final MemorySegment input;

  /**
   * @param input float {@code [inputElements]}, overwritten by each call
   */
  public MeanOutputs(Weights weights, Kernels kernels, MemorySegment input) {
    this.weights = weights;
    this.kernels = kernels;
    this.input = input;
  }

  /** {@return inputs of the widest output projection} */
  public static int inputElements(ModelConfig config) {
    return Math.max(config.querySize(), config.feedForwardSize());
  }

  /**
   * Writes what some units of a sublayer add together, without the projection's bias.
   *
   * @param row float {@code [D]}
   * @param mean of the sublayer, {@link MeanInputs#of}
   */
  public void write(
      MemorySegment row, Sublayer sublayer, BitSet units, MaskShape shape, float[] mean) {
    ModelConfig config = weights.config();
    Tensor matrix = weights.layers().get(sublayer.layer()).output(sublayer.kind()).matrix();
    SublayerPlan plan = SublayerPlan.of(sublayer.kind(), units, shape, config, matrix);
    input.fill((byte) 0);
    for (int i = 0; i < plan.inner().count(); i++) {
      int start = plan.inner().start(i);
      int elements = plan.inner().end(i) - start;
      MemorySegment.copy(mean, start, input, ValueLayout.JAVA_FLOAT, 4L * start, elements);
    }
    kernels.matmul(
        row,
        config.hiddenSize(),
        input,
        matrix.columns(),
        1,
        matrix,
        Ranges.all(config.hiddenSize()),
        plan.readable(),
        false);
  }
}
