package dev.rap.memory;

import dev.rap.kernels.RopePairing;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import dev.rap.model.Sublayer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The memory model and a change of mask, for Llama-3-8B: 64 sublayers, 8 and 112 units each. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class MemoryModelBench {
  private MemoryModel memory;
  private RetentionMask mask;
  private Workload workload;
  private Sublayer sublayer;

  @Setup
  public void prepare() {
    ModelConfig config =
        new ModelConfig(
            "Llama-3-8B",
            32,
            4096,
            32,
            8,
            128,
            14336,
            128256,
            8192,
            1e-5f,
            5e5,
            new RopeScaling.None(),
            RopePairing.INTERLEAVED);
    memory = MemoryModel.paper(config, config.maskShape(), false);
    mask = RetentionMask.dense(config.maskShape()).without(Sublayer.of(7));
    workload = new Workload(8, 2048);
    sublayer = Sublayer.of(20);
  }

  /** Every unit of every sublayer is looked at. */
  @Benchmark
  public long bytesOfAnyMask() {
    return memory.bytes(mask, workload);
  }

  /** What a policy starts from; then a removal is one subtraction. */
  @Benchmark
  public long[] bytesOfEverySublayer() {
    return memory.sublayerBytes(workload);
  }

  @Benchmark
  public RetentionMask dropASublayer() {
    return mask.without(sublayer);
  }
}
