package dev.rap.eval;

import dev.rap.engine.ModelRunner;
import dev.rap.kv.BlockTable;
import dev.rap.kv.StepBatch;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleSupplier;

/**
 * What one window of text loses when one more sublayer goes. The states before each sublayer are
 * kept, so that a candidate runs only what follows it.
 */
final class WindowLosses implements AutoCloseable {
  private final ModelRunner runner;
  private final int sublayers;
  private final ModelRunner.HiddenStates states; // before each sublayer

  /**
   * @param windowTokens of each window; at most the tokens of a step
   */
  WindowLosses(ModelRunner runner, int windowTokens) {
    int most = runner.limits().stepTokens();
    if (windowTokens > most) {
      throw new IllegalArgumentException(
          "windowTokens must be at most %d, was %d".formatted(most, windowTokens));
    }
    this.runner = runner;
    this.sublayers = 2 * runner.config().layers();
    this.states = runner.newHiddenStates(sublayers);
  }

  /**
   * {@return the summed loss of {@code window} under the dense model}
   *
   * @param inputSums by sublayer: the inputs of its output projection, summed over tokens, are
   *     added
   */
  double dense(int[] window, List<double[]> inputSums) {
    runner.setMask(RetentionMask.dense(runner.config().maskShape()), Optional.empty());
    return inStep(
        window,
        () -> {
          for (int i = 0; i < sublayers; i++) {
            runner.sublayer(i);
            runner.addProjectionInputs(Sublayer.of(i).kind(), inputSums.get(i));
          }
          return loss(window);
        });
  }

  /**
   * Adds the summed loss of {@code window} under {@code mask} less each of its sublayers.
   *
   * @param sums by {@link Sublayer#index()}; those of dropped sublayers stay as they are
   */
  void addCandidates(int[] window, RetentionMask mask, double[] sums) {
    runner.setMask(mask, Optional.empty());
    inStep(
        window,
        () -> {
          for (int i = 0; i < sublayers; i++) {
            states.save(i);
            runner.sublayer(i);
          }
          for (int i = 0; i < sublayers; i++) {
            if (mask.retains(Sublayer.of(i))) {
              states.restore(i);
              for (int next = i + 1; next < sublayers; next++) {
                runner.sublayer(next);
              }
              sums[i] += loss(window);
            }
          }
          return 0;
        });
  }

  private double inStep(int[] window, DoubleSupplier step) {
    StepBatch batch = runner.batch();
    BlockTable table = new BlockTable();
    if (!runner.pool().reserve(table, window.length)) {
      throw new IllegalStateException("a window does not fit into the KV cache");
    }
    try {
      batch.clear();
      batch.add(window, 0, window.length, table, Perplexity.everything(runner.config()));
      runner.begin();
      return step.getAsDouble();
    } finally {
      runner.pool().release(table);
    }
  }

  private double loss(int[] window) {
    return -runner.logProbs(0, window.length - 1, window, 1);
  }

  @Override
  public void close() {
    states.close();
  }
}
