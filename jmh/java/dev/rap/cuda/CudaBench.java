package dev.rap.cuda;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.Engine;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.kernels.RopePairing;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * What the host pays for the GPU: launches, graphs, a look at memory, a change of the mask, one
 * block that goes or comes back, and a decode step of a random model. That of shape {@code tiny} (2
 * layers of hidden size 64) is nearly all overhead on a GPU; {@code -p shape=smollm2} is one of
 * SmolLM2-135M's shape, and {@code -p model=FILE} any model, such as one of 8B that {@code
 * scripts/random-model.py} writes. Without a GPU the shapes {@code smollm2} and {@code llama3-8b}
 * have two narrow layers.
 *
 * <p>Targets: {@code gpu} needs one. {@code fake} runs the same code on a driver over host memory,
 * and computes the model in Java. {@code idle} is {@code fake} with kernels that do nothing: its
 * decode step is the Java of the engine and the CUDA backend, and with {@code -prof gc} what they
 * allocate, beside a few objects a copy that the fake driver makes.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class CudaBench {
  private static final int TOKENS = 64;
  private static final int CHANNELS = 512; // of a narrow layer: several blocks

  private static final ModelConfig TINY = config("tiny", 2, 64, 4, 2, 32, CHANNELS, 288);
  private static final ModelConfig SMOLLM2 = config("smollm2", 30, 576, 9, 3, 64, 1536, 49152);
  private static final ModelConfig LLAMA3_8B =
      config("llama3-8b", 32, 4096, 32, 8, 128, 14336, 128256);

  private static ModelConfig config(
      String name,
      int layers,
      int hiddenSize,
      int queryHeads,
      int kvHeads,
      int headSize,
      int feedForwardSize,
      int vocabularySize) {
    return new ModelConfig(
        name,
        layers,
        hiddenSize,
        queryHeads,
        kvHeads,
        headSize,
        feedForwardSize,
        vocabularySize,
        2048,
        1e-5f,
        1e5,
        new RopeScaling.None(),
        RopePairing.HALVES);
  }

  @Param({"fake"})
  public String target;

  @Param({"tiny"})
  public String shape;

  @Param({""})
  public String model;

  private Path file;
  private Checkpoint checkpoint;
  private CudaBackend backend;
  private CudaBackend.Parts parts;
  private DeviceMemory floats;
  private CudaEvent event;
  private CudaGraph graph;
  private Engine engine;
  private RetentionMask dense;
  private RetentionMask pruned;
  private RetentionMask withoutBlock;
  private boolean isPruned;

  @Setup(Level.Trial)
  public void setUp() throws IOException {
    if (model.isEmpty()) {
      file = Files.createTempFile("rap-bench", ".gguf");
      GgufFiles.write(file, random());
    } else {
      file = Path.of(model);
    }
    checkpoint = Checkpoint.open(file);
    backend = load(WeightsLoader.load(checkpoint));
    parts = backend.parts();
    floats = parts.device().allocate(64 * Float.BYTES, MemoryOwner.WORKSPACE);
    event = parts.device().newEvent();
    graph = parts.stream().capture(this::queueAddRow);
    engine = new Engine(backend, Engine.Options.single(256));
    dense = engine.mask();
    pruned = dense.without(Sublayer.of(1));
    BitSet channels = dense.units(Sublayer.of(1));
    channels.clear(0);
    withoutBlock = dense.with(Sublayer.of(1), channels);
    backend.keepHostMaster();
    compact();
    restore();
  }

  private RandomLlama random() {
    boolean isWhole = target.equals("gpu");
    return switch (shape) {
      case "tiny" -> random(TINY);
      case "smollm2" -> random(isWhole ? SMOLLM2 : narrow(SMOLLM2));
      case "llama3-8b" -> {
        if (isWhole) {
          throw new IllegalArgumentException(
              "llama3-8b on a GPU needs a file: scripts/random-model.py 8b.gguf, -p model=8b.gguf");
        }
        yield random(narrow(LLAMA3_8B));
      }
      default ->
          throw new IllegalArgumentException(
              "shape must be tiny, smollm2 or llama3-8b, was " + shape);
    };
  }

  private static RandomLlama random(ModelConfig config) {
    return RandomLlama.tiny().with(config).with(DType.BF16);
  }

  // What the Java of a step sees of a shape, heads and groups, in few parameters.
  private static ModelConfig narrow(ModelConfig config) {
    return config(
        config.name(),
        2,
        64,
        config.queryHeads(),
        config.kvHeads(),
        config.headSize(),
        CHANNELS,
        288);
  }

  private CudaBackend load(Weights weights) {
    FakeDriver driver = new FakeDriver();
    CudaKernels oracles = new OracleKernels(driver);
    return switch (target) {
      case "gpu" -> (CudaBackend) GpuModelTest.load(weights);
      case "fake" -> load(driver, oracles, weights);
      case "idle" -> load(driver, idle(oracles), weights);
      default ->
          throw new IllegalArgumentException("target must be gpu, fake or idle, was " + target);
    };
  }

  private static CudaBackend load(FakeDriver driver, CudaKernels kernels, Weights weights) {
    return CudaBackend.load(
        CudaDevice.open(driver), kernels, Optional.empty(), weights, Optional.empty(), share -> {});
  }

  // Queues nothing, and says of scratch memory what the oracles say.
  private static CudaKernels idle(CudaKernels oracles) {
    return (CudaKernels)
        Proxy.newProxyInstance(
            CudaKernels.class.getClassLoader(),
            new Class<?>[] {CudaKernels.class},
            (proxy, method, arguments) ->
                method.getReturnType() == void.class ? null : method.invoke(oracles, arguments));
  }

  private void queueAddRow() {
    long stream = parts.stream().handle();
    parts.kernels().addRow(stream, floats.address(), floats.address(), 1, 64);
  }

  /** One kernel of 64 floats through Panama, and waiting for it. */
  @Benchmark
  public void launchThroughPanama() {
    queueAddRow();
    parts.stream().synchronize();
  }

  /** An event through JCuda, and waiting for it. */
  @Benchmark
  public void eventThroughJCuda() {
    parts.stream().record(event);
    event.await();
  }

  /** A graph of one kernel, and waiting for it. */
  @Benchmark
  public void graphReplay() {
    parts.stream().launch(graph);
    parts.stream().synchronize();
  }

  /** Free and total memory: what one sample of the tracker asks of the driver. */
  @Benchmark
  public CudaDriver.MemoryInfo memorySample() {
    return parts.device().memoryInfo();
  }

  /** A sublayer goes, or comes back. */
  @Benchmark
  public RetentionMask maskUpload() {
    isPruned = !isPruned;
    engine.setMask(isPruned ? pruned : dense, Optional.empty());
    parts.stream().synchronize();
    return engine.mask();
  }

  private void compact() {
    engine.setMask(withoutBlock, Optional.empty());
    engine.reclaim();
    finish();
  }

  private void restore() {
    engine.prefetch(dense);
    finish();
    engine.setMask(dense, Optional.empty());
    finish();
  }

  private void finish() {
    while (engine.work()) {
      // piece by piece
    }
    parts.stream().synchronize();
  }

  /** All blocks are there before each call. */
  @State(Scope.Thread)
  public static class Whole {
    @Setup(Level.Invocation)
    public void restore(CudaBench bench) {
      bench.restore();
    }
  }

  /** One block of channels is gone before each call, and dense again after the last. */
  @State(Scope.Thread)
  public static class Pruned {
    @Setup(Level.Invocation)
    public void compact(CudaBench bench) {
      bench.compact();
    }

    @TearDown(Level.Iteration)
    public void restore(CudaBench bench) {
      bench.restore();
    }
  }

  /** The first block of channels of a layer goes: the last one moves there, its pages are free. */
  @Benchmark
  public RetentionMask compactionOfABlock(Whole before) {
    compact();
    return engine.mask();
  }

  /** It comes back, from the copy in pinned memory. */
  @Benchmark
  public RetentionMask restoreOfABlock(Pruned before) {
    restore();
    return engine.mask();
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

  @TearDown(Level.Trial)
  public void tearDown() throws IOException {
    engine.close();
    graph.close();
    event.close();
    floats.close();
    backend.close();
    checkpoint.close();
    if (model.isEmpty()) {
      Files.delete(file);
    }
  }
}
