package dev.rap.dqn;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A network of about 18,000 parameters: forward is as many multiply-adds, forward and backward
 * about three times as many, both less what ReLU leaves at zero.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class QNetworkBench {
  @Param({"20", "60"}) // sublayers of a model of 10 layers, of SmolLM2-135M
  public int actions;

  private QNetwork network;
  private QNetwork.Activations activations;
  private Gradient gradient;
  private float[] observation;

  @Setup
  public void prepare() {
    int inputs = 7 + 2 * actions;
    network = QNetwork.random(inputs, actions, 18_000, new SplittableRandom(1));
    activations = network.newActivations();
    gradient = new Gradient(network);
    gradient.restart();
    observation = new float[inputs];
    Arrays.fill(observation, 0.5f);
  }

  @Benchmark
  public float forward() {
    network.forward(observation, activations);
    return activations.value(0);
  }

  @Benchmark
  public float forwardAndBackward() {
    network.forward(observation, activations);
    gradient.add(observation, 0, 1e-9f, activations);
    return activations.value(0);
  }
}
