package dev.rap.dqn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class QNetworkTest {

  // h^2 + h (47 + 20 + 2) + 20 is 17,736 at h = 103 and 18,012 at h = 104.
  @Test
  void hiddenSizeComesClosestToTheParametersAskedFor() {
    assertEquals(104, QNetwork.hiddenSize(47, 20, 18_000));
    assertEquals(18_012, QNetwork.parameterCount(47, 104, 20));
  }

  // One input, two hidden units, two outputs. At x = 2:
  // first  = relu(2 * 1 + 0.5, 2 * -1 + 1)            = (2.5, 0)
  // second = relu(2.5 * 2 - 1 + 0, 2.5 * -1 + 3)      = (4, 0.5)
  // values = (4 * 1 + 0.5 * 2 + 0.25, 4 * 0 + 0.5 * -4 - 1) = (5.25, -3)
  @Test
  void forwardAgreesWithAHandWorkedExample() {
    float[] parameters = {
      1, -1, 0.5f, 1, //
      2, -1, 7, 7, -1, 3, //
      1, 0, 2, -4, 0.25f, -1
    };
    QNetwork network = new QNetwork(1, 2, 2, parameters);
    QNetwork.Activations activations = network.newActivations();
    network.forward(new float[] {2}, activations);
    assertEquals(5.25f, activations.value(0));
    assertEquals(-3f, activations.value(1));
    assertEquals(0, activations.bestAction(new boolean[] {true, true}));
    assertEquals(1, activations.bestAction(new boolean[] {false, true}));
    assertEquals(-1, activations.bestAction(new boolean[] {false, false}));
    assertArrayEquals(parameters, network.parameters());
  }

  @Test
  void gradientAgreesWithFiniteDifferences() {
    SplittableRandom random = new SplittableRandom(3);
    int inputs = 5;
    int hidden = 7;
    int outputs = 4;
    float[] parameters = gaussian((int) QNetwork.parameterCount(inputs, hidden, outputs), random);
    float[] observation = gaussian(inputs, random);
    observation[2] = 0; // a skipped row
    int action = 2;
    float slope = 0.5f;
    QNetwork network = new QNetwork(inputs, hidden, outputs, parameters);
    QNetwork.Activations activations = network.newActivations();
    network.forward(observation, activations);
    Gradient gradient = new Gradient(network);
    gradient.restart();
    gradient.add(observation, action, slope, activations);

    int p = 0;
    int nonZero = 0;
    float step = 1e-2f;
    for (float[][] layer : gradient.sums()) {
      for (float[] row : layer) {
        for (float derivative : row) {
          double rise =
              value(inputs, hidden, outputs, parameters, p, step, observation, action)
                  - value(inputs, hidden, outputs, parameters, p, -step, observation, action);
          assertEquals(slope * rise / (2 * step), derivative, 2e-3, "parameter " + p);
          nonZero += derivative != 0 ? 1 : 0;
          p++;
        }
      }
    }
    assertEquals(parameters.length, p);
    assertTrue(nonZero > parameters.length / 4, "only " + nonZero + " derivatives are not zero");
  }

  private static double value(
      int inputs,
      int hidden,
      int outputs,
      float[] parameters,
      int changed,
      float step,
      float[] observation,
      int action) {
    float[] moved = parameters.clone();
    moved[changed] += step;
    QNetwork network = new QNetwork(inputs, hidden, outputs, moved);
    QNetwork.Activations activations = network.newActivations();
    network.forward(observation, activations);
    return activations.value(action);
  }

  private static float[] gaussian(int count, SplittableRandom random) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (0.5 * random.nextGaussian());
    }
    return values;
  }

  @Test
  void refusesAnotherCountOfParameters() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new QNetwork(1, 2, 2, new float[15]));
    assertEquals(
        "a network of 1 inputs, 2 hidden units and 2 outputs has 16 parameters, not 15",
        e.getMessage());
  }

  // Adam's first step is the learning rate against the sign of the gradient, whatever its size.
  @Test
  void adamsFirstStepIsTheLearningRate() {
    QNetwork network = new QNetwork(1, 1, 1, new float[] {1, 0, 1, 0, 1, 0});
    QNetwork.Activations activations = network.newActivations();
    network.forward(new float[] {3}, activations);
    Gradient gradient = new Gradient(network);
    gradient.restart();
    gradient.add(new float[] {3}, 0, 2, activations);
    new Adam(network).step(gradient, 0.125);
    assertArrayEquals(
        new float[] {0.875f, -0.125f, 0.875f, -0.125f, 0.875f, -0.125f},
        network.parameters(),
        1e-6f);
  }
}
