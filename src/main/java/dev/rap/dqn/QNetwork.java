package dev.rap.dqn;

import java.util.random.RandomGenerator;

/**
 * Action values as a function of an observation: a perceptron with two hidden layers of ReLU units.
 *
 * <p>A layer is an array of rows: the weights of each input to all outputs, then the biases. So
 * every product runs along a row, and a row whose input is zero is skipped.
 */
public final class QNetwork {
  private static final int MOST_UNITS = 1 << 20;

  private final int inputs;
  private final int hidden;
  private final int outputs;
  private final float[][][] layers; // [3][inputs of the layer + 1][outputs of the layer]

  /**
   * @param hidden units of each hidden layer
   * @param parameters layer by layer, row by row
   */
  public QNetwork(int inputs, int hidden, int outputs, float[] parameters) {
    for (int units : new int[] {inputs, hidden, outputs}) {
      if (units < 1 || units > MOST_UNITS) {
        throw new IllegalArgumentException(
            "inputs, hidden and outputs must be in 1 to %d, were %d, %d, %d"
                .formatted(MOST_UNITS, inputs, hidden, outputs));
      }
    }
    if (parameters.length != parameterCount(inputs, hidden, outputs)) {
      throw new IllegalArgumentException(
          "a network of %d inputs, %d hidden units and %d outputs has %d parameters, not %d"
              .formatted(
                  inputs,
                  hidden,
                  outputs,
                  parameterCount(inputs, hidden, outputs),
                  parameters.length));
    }
    for (float parameter : parameters) {
      if (!Float.isFinite(parameter)) {
        throw new IllegalArgumentException("parameters must be finite, one was " + parameter);
      }
    }
    this.inputs = inputs;
    this.hidden = hidden;
    this.outputs = outputs;
    layers = newLayers();
    int from = 0;
    for (float[][] layer : layers) {
      for (float[] row : layer) {
        System.arraycopy(parameters, from, row, 0, row.length);
        from += row.length;
      }
    }
  }

  /**
   * {@return a network whose values start near zero: He's initialisation for the hidden layers, a
   * hundredth of it for the last}
   *
   * @param parameterTarget the parameter count to come closest to
   */
  public static QNetwork random(
      int inputs, int outputs, int parameterTarget, RandomGenerator random) {
    int hidden = hiddenSize(inputs, outputs, parameterTarget);
    float[] zeros = new float[(int) parameterCount(inputs, hidden, outputs)];
    QNetwork network = new QNetwork(inputs, hidden, outputs, zeros);
    double[] scales = {1, 1, 0.01};
    for (int l = 0; l < scales.length; l++) {
      float[][] layer = network.layers[l];
      double deviation = scales[l] * StrictMath.sqrt(2.0 / (layer.length - 1));
      for (int i = 0; i < layer.length - 1; i++) {
        for (int o = 0; o < layer[i].length; o++) {
          layer[i][o] = (float) (deviation * random.nextGaussian());
        }
      }
    }
    return network;
  }

  /** {@return the hidden size whose parameter count is closest to {@code parameterTarget}} */
  public static int hiddenSize(int inputs, int outputs, int parameterTarget) {
    int hidden = 1;
    while (distance(inputs, hidden + 1, outputs, parameterTarget)
        < distance(inputs, hidden, outputs, parameterTarget)) {
      hidden++;
    }
    return hidden;
  }

  private static long distance(int inputs, int hidden, int outputs, int target) {
    return Math.abs(parameterCount(inputs, hidden, outputs) - target);
  }

  /** {@return weights and biases of such a network} */
  public static long parameterCount(int inputs, int hidden, int outputs) {
    return (long) hidden * hidden + (long) hidden * ((long) inputs + outputs + 2) + outputs;
  }

  public int inputs() {
    return inputs;
  }

  /** {@return units of each hidden layer} */
  public int hidden() {
    return hidden;
  }

  public int outputs() {
    return outputs;
  }

  /** {@return a copy of all weights and biases, layer by layer, row by row} */
  public float[] parameters() {
    float[] parameters = new float[(int) parameterCount(inputs, hidden, outputs)];
    int to = 0;
    for (float[][] layer : layers) {
      for (float[] row : layer) {
        System.arraycopy(row, 0, parameters, to, row.length);
        to += row.length;
      }
    }
    return parameters;
  }

  /** {@return zeros in the shape of the parameters} */
  float[][][] newLayers() {
    return new float[][][] {
      new float[inputs + 1][hidden], new float[hidden + 1][hidden], new float[hidden + 1][outputs]
    };
  }

  /** {@return the parameters themselves, for whoever trains this network} */
  float[][][] layers() {
    return layers;
  }

  /** {@return another network with the same parameters} */
  QNetwork copy() {
    return new QNetwork(inputs, hidden, outputs, parameters());
  }

  /** Takes over the parameters of a network of the same sizes. */
  void copyFrom(QNetwork other) {
    for (int l = 0; l < layers.length; l++) {
      for (int i = 0; i < layers[l].length; i++) {
        System.arraycopy(other.layers[l][i], 0, layers[l][i], 0, layers[l][i].length);
      }
    }
  }

  /** The results of one forward pass. */
  public static final class Activations {
    final float[] first; // [hidden], after ReLU
    final float[] second; // [hidden], after ReLU
    final float[] values; // [outputs]

    private Activations(int hidden, int outputs) {
      first = new float[hidden];
      second = new float[hidden];
      values = new float[outputs];
    }

    /**
     * {@return the valid action of the greatest value, the first of equals; -1 if none is valid}
     *
     * @param valid {@code [outputs]}
     */
    public int bestAction(boolean[] valid) {
      int best = -1;
      for (int a = 0; a < values.length; a++) {
        if (valid[a] && (best < 0 || values[a] > values[best])) {
          best = a;
        }
      }
      return best;
    }

    /** {@return the value of {@code action}} */
    public float value(int action) {
      return values[action];
    }
  }

  /** {@return room for the passes of one thread} */
  public Activations newActivations() {
    return new Activations(hidden, outputs);
  }

  /**
   * Computes the action values into {@code activations}. Allocates nothing.
   *
   * @param observation {@code [inputs]}
   */
  public void forward(float[] observation, Activations activations) {
    if (observation.length != inputs) {
      throw new IllegalArgumentException(
          "observation must have %d values, had %d".formatted(inputs, observation.length));
    }
    multiply(observation, layers[0], activations.first);
    rectify(activations.first);
    multiply(activations.first, layers[1], activations.second);
    rectify(activations.second);
    multiply(activations.second, layers[2], activations.values);
  }

  private static void multiply(float[] in, float[][] layer, float[] out) {
    System.arraycopy(layer[in.length], 0, out, 0, out.length);
    for (int i = 0; i < in.length; i++) {
      if (in[i] != 0) {
        addScaled(in[i], layer[i], out);
      }
    }
  }

  /**
   * Adds {@code scale * row} to {@code sum}. One index for both, so that it becomes vector code.
   */
  static void addScaled(float scale, float[] row, float[] sum) {
    for (int o = 0; o < sum.length; o++) {
      sum[o] += scale * row[o];
    }
  }

  private static void rectify(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.max(values[i], 0);
    }
  }
}
