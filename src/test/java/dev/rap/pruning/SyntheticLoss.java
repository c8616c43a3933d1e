package dev.rap.pruning;

import dev.rap.kernels.RopePairing;
import dev.rap.memory.MemoryModel;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import dev.rap.model.Sublayer;
import java.util.SplittableRandom;

/**
 * A loss without a model: each removed sublayer costs something, each removed pair something more
 * or less, near pairs the more, and the sum saturates. Like a real decoder's, the first layer costs
 * by far the most, and attention less and less with depth.
 *
 * <p>The loss of unseen text is that of slightly other costs.
 */
final class SyntheticLoss implements MaskLoss {
  static final double DENSE = 2.9; // nats a token
  private static final double MOST_RISE = 5;

  private final double[] alone;
  private final double[][] together;
  private final double[] unseenAlone;
  private final double[][] unseenTogether;
  private final ModelConfig config;
  private int measured;

  SyntheticLoss(int layers, long seed) {
    config = gqaConfig(layers);
    SplittableRandom random = new SplittableRandom(seed);
    int n = 2 * layers;
    alone = new double[n];
    unseenAlone = new double[n];
    together = new double[n][n];
    unseenTogether = new double[n][n];
    double scale = 10.0 / layers;
    for (int i = 0; i < n; i++) {
      Sublayer s = Sublayer.of(i);
      double depth = s.layer() / (layers - 1.0);
      double typical =
          s.kind() == Sublayer.Kind.ATTENTION
              ? 0.10 * (1.3 - depth) * (1 + 8 * Math.exp(-s.layer() / 0.7))
              : 0.14 * (1 + 15 * Math.exp(-s.layer() / 0.5) + (s.layer() == layers - 1 ? 2 : 0));
      alone[i] = scale * typical * Math.exp(0.5 * random.nextGaussian());
      unseenAlone[i] = alone[i] * (1 + 0.08 * random.nextGaussian());
    }
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) {
        double distance = (i / 2 - j / 2) / (double) layers;
        double near = Math.exp(-6 * distance) + 0.1;
        double sign = random.nextDouble() < 0.25 ? -0.5 : 1;
        double strength = sign * 0.6 * Math.exp(0.7 * random.nextGaussian());
        together[i][j] = near * strength * Math.min(alone[i], alone[j]) * Math.sqrt(scale);
        unseenTogether[i][j] = together[i][j] * (1 + 0.15 * random.nextGaussian());
      }
    }
  }

  /** Llama-like: four query heads to a KV head, a feed-forward of eight thirds. */
  static ModelConfig gqaConfig(int layers) {
    return new ModelConfig(
        "synthetic",
        layers,
        384,
        12,
        3,
        32,
        1024,
        4096,
        1024,
        1e-5f,
        1e4,
        new RopeScaling.None(),
        RopePairing.INTERLEAVED);
  }

  ModelConfig config() {
    return config;
  }

  MemoryModel memory() {
    return MemoryModel.paper(config, config.maskShape(), true);
  }

  @Override
  public double loss(RetentionMask mask) {
    measured++;
    return loss(mask, alone, together);
  }

  /** {@return how many losses were asked for} */
  int measured() {
    return measured;
  }

  double unseenLoss(RetentionMask mask) {
    return loss(mask, unseenAlone, unseenTogether);
  }

  private static double loss(RetentionMask mask, double[] alone, double[][] together) {
    double sum = 0;
    for (int i = 0; i < alone.length; i++) {
      if (!mask.retains(Sublayer.of(i))) {
        sum += alone[i];
        for (int j = 0; j < i; j++) {
          sum += mask.retains(Sublayer.of(j)) ? 0 : together[i][j];
        }
      }
    }
    return DENSE + MOST_RISE * (1 - Math.exp(-sum / MOST_RISE));
  }
}
