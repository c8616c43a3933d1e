package dev.rap.pruning;

import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.SplittableRandom;

/**
 * The loss of a small random residual network on tokens drawn from its own dense output: how the
 * removals of sublayers add up comes from the network and not from a formula. Attention averages
 * over earlier tokens, feed-forward is a ReLU layer, each reads a normalised stream.
 */
final class ToyNetworkLoss implements MaskLoss {
  private static final int WIDTH = 16;
  private static final int CHANNELS = 32;
  private static final int VOCABULARY = 24;
  private static final int TOKENS = 12;
  private static final int TEXTS = 24;

  private final int layers;
  private final float[][] first; // [sublayers][WIDTH * CHANNELS]
  private final float[][] second; // [sublayers][CHANNELS * WIDTH]
  private final float[] output;
  private final float[][] seen;
  private final float[][] unseen;
  private final double[][] seenDense;
  private final double[][] unseenDense;

  ToyNetworkLoss(int layers, long seed) {
    this.layers = layers;
    SplittableRandom random = new SplittableRandom(seed);
    first = new float[2 * layers][];
    second = new float[2 * layers][];
    for (int i = 0; i < 2 * layers; i++) {
      double strength = 1.5 * Math.exp(0.5 * random.nextGaussian()) * (i < 2 ? 2.5 : 1);
      first[i] = gaussian(WIDTH * CHANNELS, 1 / Math.sqrt(WIDTH), random);
      second[i] = gaussian(CHANNELS * WIDTH, strength / Math.sqrt(CHANNELS * layers), random);
    }
    output = gaussian(WIDTH * VOCABULARY, 3 / Math.sqrt(WIDTH), random);
    seen = texts(random);
    unseen = texts(random);
    seenDense = probabilities(seen);
    unseenDense = probabilities(unseen);
  }

  private static float[] gaussian(int count, double deviation, SplittableRandom random) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }

  private static float[][] texts(SplittableRandom random) {
    float[][] texts = new float[TEXTS][];
    for (int t = 0; t < TEXTS; t++) {
      texts[t] = gaussian(TOKENS * WIDTH, 0.5, random);
    }
    return texts;
  }

  @Override
  public double loss(RetentionMask mask) {
    return loss(mask, seen, seenDense);
  }

  double unseenLoss(RetentionMask mask) {
    return loss(mask, unseen, unseenDense);
  }

  private double[][] probabilities(float[][] texts) {
    double[][] all = new double[TEXTS][];
    for (int t = 0; t < TEXTS; t++) {
      double[] log = logProbabilities(texts[t], null);
      for (int i = 0; i < log.length; i++) {
        log[i] = Math.exp(log[i]);
      }
      all[t] = log;
    }
    return all;
  }

  /** Cross entropy against the dense network's own distribution. */
  private double loss(RetentionMask mask, float[][] texts, double[][] dense) {
    double sum = 0;
    for (int t = 0; t < TEXTS; t++) {
      double[] log = logProbabilities(texts[t], mask);
      for (int i = 0; i < log.length; i++) {
        sum -= dense[t][i] * log[i];
      }
    }
    return sum / (TEXTS * TOKENS);
  }

  private double[] logProbabilities(float[] text, RetentionMask mask) {
    float[] stream = text.clone();
    for (int i = 0; i < 2 * layers; i++) {
      if (mask == null || mask.retains(Sublayer.of(i))) {
        add(i, stream);
      }
    }
    double[] log = new double[TOKENS * VOCABULARY];
    for (int token = 0; token < TOKENS; token++) {
      float[] x = normalised(stream, token);
      double total = 0;
      for (int v = 0; v < VOCABULARY; v++) {
        double logit = 0;
        for (int d = 0; d < WIDTH; d++) {
          logit += x[d] * output[d * VOCABULARY + v];
        }
        log[token * VOCABULARY + v] = logit;
        total += Math.exp(logit);
      }
      for (int v = 0; v < VOCABULARY; v++) {
        log[token * VOCABULARY + v] -= Math.log(total);
      }
    }
    return log;
  }

  private void add(int sublayer, float[] stream) {
    float[] mean = new float[CHANNELS];
    for (int token = 0; token < TOKENS; token++) {
      float[] x = normalised(stream, token);
      float[] inner = new float[CHANNELS];
      for (int d = 0; d < WIDTH; d++) {
        for (int c = 0; c < CHANNELS; c++) {
          inner[c] += x[d] * first[sublayer][d * CHANNELS + c];
        }
      }
      boolean attention = sublayer % 2 == 0;
      for (int c = 0; c < CHANNELS; c++) {
        mean[c] += (inner[c] - mean[c]) / (token + 1);
        inner[c] = attention ? 2 * mean[c] : Math.max(0, inner[c]);
      }
      for (int c = 0; c < CHANNELS; c++) {
        for (int d = 0; d < WIDTH; d++) {
          stream[token * WIDTH + d] += inner[c] * second[sublayer][c * WIDTH + d];
        }
      }
    }
  }

  private static float[] normalised(float[] stream, int token) {
    float[] x = new float[WIDTH];
    double square = 0;
    for (int d = 0; d < WIDTH; d++) {
      x[d] = stream[token * WIDTH + d];
      square += x[d] * x[d];
    }
    float scale = (float) (1 / Math.sqrt(square / WIDTH + 1e-5));
    for (int d = 0; d < WIDTH; d++) {
      x[d] *= scale;
    }
    return x;
  }
}
