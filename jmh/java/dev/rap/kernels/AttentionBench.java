package dev.rap.kernels;

import dev.rap.tensor.DType;
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
 * Attention of one layer of SmolLM2-135M: 9 query heads of 64 on 3 KV heads, KvBlocks of 32 tokens.
 *
 * <p>The last of the tokens is at position context - 1. A position costs 768 B of keys and values,
 * from the cache, and 256 FLOP for each query head of each token that sees it.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class AttentionBench {
  private static final int KV_HEADS = 3;
  private static final int QUERIES = 3;
  private static final int HEAD_SIZE = 64;
  private static final int BLOCK_SIZE = 32;

  /** Tokens of the step, a slash, the context. */
  @Param({"1/512", "1/4096", "512/512", "512/4096"})
  public String tokensAndContext;

  @Param({"1", "2"})
  public int threads;

  private final Arena arena = Arena.ofShared();
  private final Ranges groups = Ranges.all(KV_HEADS);
  private Kernels kernels;
  private TokenBatch batch;
  private KvLayer cache;
  private MemorySegment present;
  private MemorySegment q;
  private MemorySegment y;
  private long bytes;
  private long flops;

  @Setup(Level.Trial)
  public void setUp() {
    int tokens = Integer.parseInt(tokensAndContext.split("/")[0]);
    int context = Integer.parseInt(tokensAndContext.split("/")[1]);
    kernels = CpuKernels.open(threads);
    RandomData data = new RandomData(arena, 1);
    int[] positions = new int[tokens];
    long seen = 0;
    for (int t = 0; t < tokens; t++) {
      positions[t] = context - tokens + t;
      seen += positions[t] + 1;
    }
    int[] blocks = new int[context / BLOCK_SIZE];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = (i * 7 + 3) % blocks.length; // 7 divides no number of blocks here
    }
    MemorySegment zeros = data.ints(new int[tokens]);
    MemorySegment tables = data.ints(blocks);
    batch =
        new TokenBatch(
            tokens, 1, data.ints(positions), zeros, zeros, tables, blocks.length, BLOCK_SIZE);
    cache = new KvLayer(halves(data, context), halves(data, context), context * 64L, HEAD_SIZE);
    present = arena.allocate(KV_HEADS).fill((byte) 1);
    long elements = (long) tokens * KV_HEADS * QUERIES * HEAD_SIZE;
    q = arena.allocate(4 * elements, 64).copyFrom(data.normal(elements, 1));
    y = arena.allocate(4 * elements, 64);
    bytes = 2L * 2 * KV_HEADS * HEAD_SIZE * context;
    flops = 4L * HEAD_SIZE * KV_HEADS * QUERIES * seen;
  }

  private MemorySegment halves(RandomData data, int context) {
    MemorySegment weights = data.weights(DType.F16, KV_HEADS * context, HEAD_SIZE).data();
    return arena.allocate(weights.byteSize(), 64).copyFrom(weights);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    kernels.close();
    arena.close();
  }

  @Benchmark
  public void attention(Traffic traffic) {
    int stride = KV_HEADS * QUERIES * HEAD_SIZE;
    AttentionRule rule = AttentionRule.plain(HEAD_SIZE);
    kernels.attention(y, q, stride, QUERIES, rule, cache, batch, present, groups);
    traffic.add(bytes, flops);
  }
}
