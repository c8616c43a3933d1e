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
 * SmolLM2-135M's up projection, [1536, 576]: one token (decode), four (a small batch), 512
 * (prefill).
 *
 * <p>A call reads 884,736 weights, 0.94 MB in Q8_0, 1.77 MB in F16; each is another matrix of a set
 * of 128 MB, so that weights come from memory as they do in a model. It computes 1.77 MFLOP a
 * token.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class MatmulBench {
  private static final int ROWS = 1536;
  private static final int COLUMNS = 576;
  private static final long SET_BYTES = 128 << 20;

  @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"})
  public DType type;

  @Param({"1", "4", "512"})
  public int tokens;

  @Param({"1", "2"})
  public int threads;

  private final Arena arena = Arena.ofShared();
  private final Ranges rows = Ranges.all(ROWS);
  private final Ranges columns = Ranges.all(COLUMNS);
  private Kernels kernels;
  private Tensor[] weights;
  private MemorySegment x;
  private MemorySegment y;
  private int next;

  @Setup(Level.Trial)
  public void setUp() {
    kernels = CpuKernels.open(threads);
    RandomData data = new RandomData(arena, 1);
    Tensor first = data.weights(type, ROWS, COLUMNS);
    weights = new Tensor[(int) (SET_BYTES / first.byteSize())];
    for (int i = 0; i < weights.length; i++) {
      MemorySegment copy = arena.allocate(first.byteSize(), 64).copyFrom(first.data());
      weights[i] = new Tensor(type, ROWS, COLUMNS, copy);
    }
    x = arena.allocate(4L * tokens * COLUMNS, 64).copyFrom(data.normal((long) tokens * COLUMNS, 1));
    y = arena.allocate(4L * tokens * ROWS, 64);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    kernels.close();
    arena.close();
  }

  @Benchmark
  public void matmul(Traffic traffic) {
    Tensor w = weights[next];
    next = (next + 1) % weights.length;
    kernels.matmul(y, ROWS, x, COLUMNS, tokens, w, rows, columns, false);
    traffic.add(w.byteSize(), 2L * ROWS * COLUMNS * tokens);
  }
}
