package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Weights that leave memory on the CPU and come back from the system's cache of the model's file,
 * on a random model: 8 layers, hidden size 512, 8 query and 4 KV heads of 64, 1,536 channels, in
 * Q8_0. Half of its 26.7 MB of layers goes and returns: every second unit of every sublayer, or
 * whole layers.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class ElasticBench {
  @Param({"units", "layers"})
  public String goes;

  private Path file;
  private Checkpoint checkpoint;
  private Kernels kernels;
  private ModelRunner runner;
  private RetentionMask dense;
  private RetentionMask half;

  @Setup(Level.Trial)
  public void setUp() throws IOException {
    file = Files.createTempFile("rap-bench", ".gguf");
    ModelConfig config = RandomLlama.config("bench", 8, 512, 8, 4, 64, 1536, 4096, 2048);
    GgufFiles.write(file, RandomLlama.tiny().with(config).with(DType.Q8_0));
    checkpoint = Checkpoint.open(file);
    kernels = CpuKernels.open(1);
    runner =
        new CpuBackend(WeightsLoader.load(checkpoint), kernels, 1)
            .newRunner(new ModelRunner.Limits(1, 1, 16, 16, 1));
    dense = RetentionMask.dense(config.maskShape());
    half = half(goes.equals("layers"));
  }

  private RetentionMask half(boolean layers) {
    RetentionMask mask = dense;
    for (int i = 0; i < dense.shape().sublayers(); i++) {
      Sublayer sublayer = Sublayer.of(i);
      BitSet units = dense.units(sublayer);
      for (int unit = 0; unit < dense.shape().units(sublayer.kind()); unit++) {
        units.set(unit, (layers ? sublayer.layer() : unit) % 2 == 0);
      }
      mask = mask.with(sublayer, units);
    }
    return mask;
  }

  /** Half goes, and comes back. */
  @Benchmark
  public RetentionMask thereAndBack() {
    runner.setMask(half, Optional.empty());
    runner.reclaim();
    finish();
    runner.prefetch(dense);
    finish();
    runner.setMask(dense, Optional.empty());
    return runner.mask();
  }

  /** The same, but nothing is told of it that it will come back: it does so where it is read. */
  @Benchmark
  public RetentionMask there() {
    runner.setMask(half, Optional.empty());
    runner.reclaim();
    finish();
    runner.setMask(dense, Optional.empty());
    return runner.mask();
  }

  private void finish() {
    while (runner.work()) {
      // piece by piece
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() throws IOException {
    runner.close();
    kernels.close();
    checkpoint.close();
    Files.delete(file);
  }
}
