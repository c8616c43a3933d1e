package dev.rap.pruning;

import dev.rap.memory.MemoryModel;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/** Profiles measured by GSI with any {@link MaskLoss}. */
final class Profiles {
  private Profiles() {}

  static Profile of(MaskLoss loss, ModelConfig config, MemoryModel memory) {
    int sublayers = 2 * config.layers();
    double dense = loss.loss(Removal.maskWithout(memory, new BitSet()));
    List<GsiRound> rounds = new ArrayList<>();
    BitSet removed = new BitSet();
    while (removed.cardinality() < sublayers) {
      List<Double> losses = new ArrayList<>();
      int least = -1;
      for (int i = 0; i < sublayers; i++) {
        if (removed.get(i)) {
          losses.add(Double.NaN);
          continue;
        }
        removed.set(i);
        losses.add(loss.loss(Removal.maskWithout(memory, removed)));
        removed.clear(i);
        least = least < 0 || losses.get(i) < losses.get(least) ? i : least;
      }
      removed.set(least);
      rounds.add(new GsiRound(least, losses));
    }
    return of(dense, rounds, config);
  }

  static Profile of(double denseLoss, List<GsiRound> rounds, ModelConfig config) {
    float[][] means = new float[2 * config.layers()][];
    for (int i = 0; i < means.length; i++) {
      means[i] = new float[i % 2 == 0 ? config.querySize() : config.feedForwardSize()];
      means[i][0] = i - 2.5f;
    }
    return new Profile(
        "ab".repeat(32),
        config.name(),
        "cd".repeat(32),
        4096,
        denseLoss,
        rounds,
        new MeanInputs(means),
        List.of(),
        Optional.empty());
  }
}
