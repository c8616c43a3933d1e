package dev.rap.eval;

import dev.rap.engine.ModelRunner;
import dev.rap.kernels.TokenBatch;
import dev.rap.kv.BlockTable;
import dev.rap.kv.StepBatch;
import dev.rap.model.ForwardPass;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/**
 * What one window of text loses when one more sublayer goes. The states before each sublayer are
 * kept, so that a candidate runs only what follows it.
 */
final class WindowLosses implements AutoCloseable {
  private final ModelRunner runner;
  private final ForwardPass forward;
  private final int sublayers;
  private final long stateBytes;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment states; // [2L, T, D]

  /**
   * @param windowTokens of each window; at most the tokens of a step
   */
  WindowLosses(ModelRunner runner, int windowTokens) {
    this.runner = runner;
    this.forward = runner.forward();
    ModelConfig config = forward.config();
    if (windowTokens > forward.stepTokens()) {
      throw new IllegalArgumentException(
          "windowTokens must be at most %d, was %d".formatted(forward.stepTokens(), windowTokens));
    }
    this.sublayers = 2 * config.layers();
    this.stateBytes = Float.BYTES * (long) windowTokens * config.hiddenSize();
    this.states = arena.allocate(sublayers * stateBytes, 64);
  }

  /**
   * {@return the summed loss of {@code window} under the dense model}
   *
   * @param inputSums by sublayer: the inputs of its output projection, summed over tokens, are
   *     added
   */
  double dense(int[] window, List<double[]> inputSums) {
    forward.setMask(RetentionMask.dense(forward.config().maskShape()), Optional.empty());
    return inStep(
        window,
        layout -> {
          for (int i = 0; i < sublayers; i++) {
            run(i, layout);
            MemorySegment input = forward.projectionInput(Sublayer.of(i).kind());
            addRows(input, layout.tokens(), inputSums.get(i));
          }
          return loss(window);
        });
  }

  private static void addRows(MemorySegment rows, int count, double[] sums) {
    for (int t = 0; t < count; t++) {
      for (int c = 0; c < sums.length; c++) {
        sums[c] += rows.getAtIndex(ValueLayout.JAVA_FLOAT, (long) t * sums.length + c);
      }
    }
  }

  /**
   * Adds the summed loss of {@code window} under {@code mask} less each of its sublayers.
   *
   * @param sums by {@link Sublayer#index()}; those of dropped sublayers stay as they are
   */
  void addCandidates(int[] window, RetentionMask mask, double[] sums) {
    forward.setMask(mask, Optional.empty());
    inStep(
        window,
        layout -> {
          MemorySegment hidden = forward.hidden().asSlice(0, stateBytes);
          for (int i = 0; i < sublayers; i++) {
            state(i).copyFrom(hidden);
            run(i, layout);
          }
          for (int i = 0; i < sublayers; i++) {
            if (mask.retains(Sublayer.of(i))) {
              hidden.copyFrom(state(i));
              for (int next = i + 1; next < sublayers; next++) {
                run(next, layout);
              }
              sums[i] += loss(window);
            }
          }
          return 0;
        });
  }

  private interface Step {
    double run(TokenBatch layout);
  }

  private double inStep(int[] window, Step step) {
    StepBatch batch = runner.batch();
    BlockTable table = new BlockTable();
    if (!runner.pool().reserve(table, window.length)) {
      throw new IllegalStateException("a window does not fit into the KV cache");
    }
    try {
      batch.clear();
      batch.add(window, 0, window.length, table, Perplexity.everything(forward.config()));
      TokenBatch layout = batch.layout();
      forward.embed(batch.tokenIds(), layout);
      return step.run(layout);
    } finally {
      runner.pool().release(table);
    }
  }

  private void run(int sublayer, TokenBatch layout) {
    int layer = Sublayer.of(sublayer).layer();
    forward.sublayer(sublayer, layout, runner.cache().layer(layer), runner.batch().present(layer));
  }

  private double loss(int[] window) {
    return -runner.logProbs(0, window.length - 1, window, 1);
  }

  private MemorySegment state(int sublayer) {
    return states.asSlice(sublayer * stateBytes, stateBytes);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
