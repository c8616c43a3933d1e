package dev.rap.kernels;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
 * RMSNorm of rows of 576 (SmolLM2-135M): reads and writes 2,304 B a row, from the cache, 4 FLOP an
 * element. One row shows what a downcall costs.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class RmsNormBench {
  private static final int SIZE = 576;
  private static final Ranges ALL = Ranges.all(SIZE);

  @Param({"1", "512"})
  public int tokens;

  @Param({"1", "2"})
  public int threads;

  private final Arena arena = Arena.ofShared();
  private Kernels kernels;
  private Tensor weight;
  private MemorySegment x;
  private MemorySegment y;

  @Setup(Level.Trial)
  public void setUp() {
    kernels = CpuKernels.open(threads);
    RandomData data = new RandomData(arena, 1);
    weight = new Tensor(DType.F32, 1, SIZE, data.normal(SIZE, 1));
    x = arena.allocate(4L * tokens * SIZE, 64).copyFrom(data.normal((long) tokens * SIZE, 1));
    y = arena.allocate(4L * tokens * SIZE, 64);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    kernels.close();
    arena.close();
  }

  @Benchmark
  public void rmsNorm(Traffic traffic) {
    kernels.rmsNorm(y, x, SIZE, tokens, weight, 1e-5f, ALL, false);
    traffic.add(8L * tokens * SIZE, 4L * tokens * SIZE);
  }
}
