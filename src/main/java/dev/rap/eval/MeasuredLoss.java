package dev.rap.eval;

import dev.rap.engine.ModelRunner;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.MaskLoss;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The loss of a mask on given windows of text, measured by running the model; remembers. */
public final class MeasuredLoss implements MaskLoss {
  private final ModelRunner runner;
  private final List<int[]> windows;
  private final Map<RetentionMask, Double> known = new HashMap<>();

  public MeasuredLoss(ModelRunner runner, List<int[]> windows) {
    this.runner = runner;
    this.windows = List.copyOf(windows);
  }

  @Override
  public double loss(RetentionMask mask) {
    Double loss = known.get(mask);
    if (loss == null) {
      runner.setMask(mask, Optional.empty());
      loss = Perplexity.measure(runner, windows, 0, done -> {}).loss();
      known.put(mask, loss);
    }
    return loss;
  }
}
