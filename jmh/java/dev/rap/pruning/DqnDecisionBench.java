package dev.rap.pruning;

import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.QNetwork;
import dev.rap.kernels.RopePairing;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
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
 * One decision of the agent: from workload and budget to mask, at half of the dense bytes, where
 * about half of the sublayers go. Each removal is one forward pass of 18,000 multiply-adds. The
 * network is random: what it chooses does not change the work.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class DqnDecisionBench {
  @Param({"10", "30"}) // the bundled model's order of size, SmolLM2-135M
  public int layers;

  private PruningPolicy policy;
  private Workload workload;
  private MemoryBudget budget;

  @Setup
  public void prepare() {
    ModelConfig config =
        new ModelConfig(
            "SmolLM2-135M",
            layers,
            576,
            9,
            3,
            64,
            1536,
            49152,
            2048,
            1e-5f,
            1e4,
            new RopeScaling.None(),
            RopePairing.INTERLEAVED);
    MemoryModel memory = MemoryModel.paper(config, config.maskShape(), true);
    policy = Policies.create("dqn", memory, Optional.of(profile(2 * layers)), 0);
    workload = new Workload(8, 2048);
    budget = new MemoryBudget(memory.denseBytes(workload) / 2);
  }

  private static Profile profile(int sublayers) {
    QNetwork network =
        QNetwork.random(StateEncoder.size(sublayers), sublayers, 18_000, new SplittableRandom(1));
    DqnConfig config =
        new DqnConfig(
            1, 18_000, 1, 1, 1e-3, 1, 1, 1, 1, 1, new DqnConfig.EpsilonSchedule(1, 0, 1), 0);
    List<GsiRound> gsi = new ArrayList<>();
    List<Double> losses = new ArrayList<>(Collections.nCopies(sublayers, 3.0));
    for (int i = 0; i < sublayers; i++) {
      gsi.add(new GsiRound(i, losses));
      losses.set(i, Double.NaN);
    }
    return new Profile(
        "",
        "",
        "",
        1,
        2,
        gsi,
        new MeanInputs(new float[sublayers][1]),
        List.of(),
        Optional.of(new Agent(config, network, new Agent.Training(0, 0, 0, 0, 0, 0))));
  }

  @Benchmark
  public RetentionMask decide() {
    return policy.choose(workload, budget);
  }
}
