package dev.rap.eval;

import dev.rap.InputException;
import dev.rap.engine.ModelRunner;
import dev.rap.kv.BlockTable;
import dev.rap.kv.StepBatch;
import dev.rap.model.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * How well a model predicts a text: windows that do not overlap, the tail dropped, every position
 * of a window but the first scored.
 *
 * @param tokens of the text
 * @param scored positions
 * @param nll sum of negative log-probabilities, in nats
 * @param seconds that it took
 */
public record Perplexity(long tokens, long scored, double nll, double seconds) {

  /** {@return exp of the mean negative log-probability} */
  public double perplexity() {
    return Math.exp(loss());
  }

  /** {@return nats a scored token} */
  public double loss() {
    return nll / scored;
  }

  /** {@return tokens that went through the model in a second} */
  public double tokensPerSecond() {
    return scored / seconds;
  }

  /**
   * {@return the tokens of {@code text} in windows}
   *
   * @param window tokens of a window; a shorter text is one window of its own
   * @param maxWindows that are taken, from the beginning
   * @throws InputException if there is nothing to score
   */
  public static List<int[]> windows(int[] text, int window, int maxWindows) {
    if (text.length < 2) {
      throw new InputException(
          "the text has %d tokens, and scoring takes at least 2: give a longer text"
              .formatted(text.length));
    }
    int length = Math.min(window, text.length);
    int count = Math.min(maxWindows, text.length / length);
    List<int[]> windows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      windows.add(Arrays.copyOfRange(text, i * length, (i + 1) * length));
    }
    return windows;
  }

  /**
   * Scores windows under the mask that is in force.
   *
   * @param tokens of the whole text, for the record
   * @param progress is told the share done, in (0, 1], after each window
   */
  public static Perplexity measure(
      ModelRunner runner, List<int[]> windows, long tokens, DoubleConsumer progress) {
    long start = System.nanoTime();
    long scored = 0;
    double nll = 0;
    for (int i = 0; i < windows.size(); i++) {
      nll += windowLoss(runner, windows.get(i));
      scored += windows.get(i).length - 1;
      progress.accept((i + 1.0) / windows.size());
    }
    return new Perplexity(tokens, scored, nll, (System.nanoTime() - start) / 1e9);
  }

  private static double windowLoss(ModelRunner runner, int[] window) {
    StepBatch batch = runner.batch();
    BlockTable table = new BlockTable();
    byte[] present = everything(runner.config());
    double nll = 0;
    try {
      if (!runner.pool().reserve(table, window.length)) {
        throw new IllegalArgumentException(
            "a window of %d tokens does not fit into the KV cache".formatted(window.length));
      }
      for (int first = 0; first < window.length - 1; first += batch.tokens()) {
        batch.clear();
        batch.add(window, first, Math.min(batch.room(), window.length - first), table, present);
        runner.run();
        int targets = Math.min(batch.tokens(), window.length - 1 - first);
        nll -= runner.logProbs(0, targets, window, first + 1);
      }
    } finally {
      runner.pool().release(table);
    }
    return nll;
  }

  /** {@return presence of a sequence that begins under the mask in force} */
  static byte[] everything(ModelConfig config) {
    byte[] present = new byte[config.layers() * config.kvHeads()];
    Arrays.fill(present, (byte) 1);
    return present;
  }
}
