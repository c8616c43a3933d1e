package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A decode step of one sequence, and a change of the mask between steps, on a random model: 8
 * layers, hidden size 512, 8 query and 4 KV heads of 64, 1,536 channels, a vocabulary of 4,096, in
 * Q8_0. A step reads 29.0 MB of weights. Caches may hold them, so this is the time of what is done,
 * not of memory; {@code rap bench} holds a real model against memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class EngineBench {
  private static final int TOKENS = 64;

  @Param({"1", "2"})
  public int threads;

  private Path file;
  private Checkpoint checkpoint;
  private Kernels kernels;
  private Engine engine;
  private RetentionMask dense;
  private RetentionMask half;
  private MeanInputs means;
  private boolean isHalf;

  @Setup(Level.Trial)
  public void setUp() throws IOException {
    file = Files.createTempFile("rap-bench", ".gguf");
    ModelConfig config = RandomLlama.config("bench", 8, 512, 8, 4, 64, 1536, 4096, 2048);
    GgufFiles.write(file, RandomLlama.tiny().with(config).with(DType.Q8_0));
    checkpoint = Checkpoint.open(file);
    Weights weights = WeightsLoader.load(checkpoint);
    kernels = CpuKernels.open(threads);
    engine = new Engine(new CpuBackend(weights, kernels, threads), Engine.Options.single(2048));
    dense = RetentionMask.dense(config.maskShape());
    half = half(dense);
    means = means(config);
  }

  // Every second unit of every sublayer.
  private static RetentionMask half(RetentionMask dense) {
    RetentionMask mask = dense;
    for (int i = 0; i < dense.shape().sublayers(); i++) {
      BitSet units = dense.units(Sublayer.of(i));
      for (int unit = 1; unit < units.length(); unit += 2) {
        units.clear(unit);
      }
      mask = mask.with(Sublayer.of(i), units);
    }
    return mask;
  }

  private static MeanInputs means(ModelConfig config) {
    float[][] means = new float[2 * config.layers()][];
    for (int i = 0; i < means.length; i++) {
      means[i] = new float[config.projectionInputSize(Sublayer.of(i).kind())];
      Arrays.fill(means[i], 0.01f);
    }
    return new MeanInputs(means);
  }

  /** One token after another, from an empty context to one of 64. */
  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public Sequence decodeStep() {
    Sequence sequence = engine.submit(new int[] {1}, SamplingOptions.GREEDY, TOKENS, Set.of());
    while (engine.busy()) {
      engine.step();
    }
    return sequence;
  }

  /** Half of all units go, or come back. The KV cache is empty. */
  @Benchmark
  public RetentionMask maskChange() {
    isHalf = !isHalf;
    engine.setMask(isHalf ? half : dense, Optional.empty());
    return engine.mask();
  }

  /** The same, with the means of what goes in its place: a row of each output projection. */
  @Benchmark
  public RetentionMask maskChangeWithMeans() {
    isHalf = !isHalf;
    engine.setMask(isHalf ? half : dense, Optional.of(means));
    return engine.mask();
  }

  @TearDown(Level.Trial)
  public void tearDown() throws IOException {
    engine.close();
    kernels.close();
    checkpoint.close();
    Files.delete(file);
  }
}
