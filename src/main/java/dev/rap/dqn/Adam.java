package dev.rap.dqn;

/**
 * Gradient descent with running means of the gradient and of its square.
 *
 * @see <a href="https://arxiv.org/abs/1412.6980">Kingma and Ba 2014</a>: their constants
 */
final class Adam {
  private static final float MEAN_DECAY = 0.9f;
  private static final float SQUARE_DECAY = 0.999f;
  private static final float EPSILON = 1e-8f;

  private final QNetwork network;
  private final float[][][] means;
  private final float[][][] squares;
  private double meanPower = 1;
  private double squarePower = 1;

  Adam(QNetwork network) {
    this.network = network;
    means = network.newLayers();
    squares = network.newLayers();
  }

  /** Moves each parameter against the gradient by about {@code learningRate}. */
  void step(Gradient gradient, double learningRate) {
    meanPower *= MEAN_DECAY;
    squarePower *= SQUARE_DECAY;
    float rate = (float) (learningRate * Math.sqrt(1 - squarePower) / (1 - meanPower));
    float epsilon = (float) (EPSILON * Math.sqrt(1 - squarePower));
    float[][][] sums = gradient.sums();
    for (int l = 0; l < sums.length; l++) {
      for (int i = 0; i < sums[l].length; i++) {
        step(network.layers()[l][i], sums[l][i], means[l][i], squares[l][i], rate, epsilon);
      }
    }
  }

  private static void step(
      float[] parameters,
      float[] gradient,
      float[] mean,
      float[] square,
      float rate,
      float epsilon) {
    for (int i = 0; i < parameters.length; i++) {
      mean[i] = MEAN_DECAY * mean[i] + (1 - MEAN_DECAY) * gradient[i];
      square[i] = SQUARE_DECAY * square[i] + (1 - SQUARE_DECAY) * gradient[i] * gradient[i];
      parameters[i] -= rate * mean[i] / ((float) Math.sqrt(square[i]) + epsilon);
    }
  }
}
