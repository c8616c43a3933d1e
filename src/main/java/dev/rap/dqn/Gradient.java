package dev.rap.dqn;

import java.util.Arrays;

/** Derivatives of action values by the parameters of one network, added up over a batch. */
final class Gradient {
  private final QNetwork network;
  private final float[][][] sums; // in the shape of the parameters
  private final float[][] transposed; // of the second layer's weights, so that slopes go by rows
  private final float[] first; // [hidden], slopes
  private final float[] second; // [hidden], slopes

  Gradient(QNetwork network) {
    this.network = network;
    sums = network.newLayers();
    first = new float[network.hidden()];
    second = new float[network.hidden()];
    transposed = new float[network.hidden()][network.hidden()];
  }

  /** Starts a batch with the network's parameters as they are now. */
  void restart() {
    for (float[][] layer : sums) {
      for (float[] row : layer) {
        Arrays.fill(row, 0);
      }
    }
    float[][] weights = network.layers()[1];
    for (int o = 0; o < transposed.length; o++) {
      for (int i = 0; i < transposed.length; i++) {
        transposed[o][i] = weights[i][o];
      }
    }
  }

  /**
   * Adds the derivatives of {@code slope * value(action)}.
   *
   * @param observation of the forward pass that filled {@code activations}
   */
  void add(float[] observation, int action, float slope, QNetwork.Activations activations) {
    float[][] last = network.layers()[2];
    sums[2][second.length][action] += slope;
    for (int i = 0; i < second.length; i++) {
      sums[2][i][action] += slope * activations.second[i];
      second[i] = activations.second[i] > 0 ? slope * last[i][action] : 0;
    }
    Arrays.fill(first, 0);
    for (int o = 0; o < second.length; o++) {
      if (second[o] != 0) {
        QNetwork.addScaled(second[o], transposed[o], first);
      }
    }
    for (int i = 0; i < first.length; i++) {
      first[i] = activations.first[i] > 0 ? first[i] : 0;
    }
    addOuter(activations.first, second, sums[1]);
    addOuter(observation, first, sums[0]);
  }

  private static void addOuter(float[] in, float[] slopes, float[][] layer) {
    QNetwork.addScaled(1, slopes, layer[in.length]);
    for (int i = 0; i < in.length; i++) {
      if (in[i] != 0) {
        QNetwork.addScaled(in[i], slopes, layer[i]);
      }
    }
  }

  /** {@return the sums so far, in the shape of the parameters: not a copy} */
  float[][][] sums() {
    return sums;
  }
}
