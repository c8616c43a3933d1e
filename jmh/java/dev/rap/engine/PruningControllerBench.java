package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.pruning.Policies;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What the controller adds to a step, on a tiny model without sequences. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class PruningControllerBench {
  private Path file;
  private Checkpoint checkpoint;
  private Backend backend;
  private Engine engine;
  private PruningController controller;
  private long dense;
  private boolean less;

  @Setup(Level.Trial)
  public void setUp() throws IOException {
    file = Files.createTempFile("rap-bench", ".gguf");
    GgufFiles.write(file, RandomLlama.tiny());
    checkpoint = Checkpoint.open(file);
    Weights weights = WeightsLoader.load(checkpoint);
    backend = new CpuBackend(weights, CpuKernels.open(1), 1);
    engine = new Engine(backend, new Engine.Options(4, 64, 256));
    MemoryModel memory = MemoryModel.of(weights, weights.config().maskShape(), Storage.AS_STORED);
    controller =
        new PruningController(
            engine,
            memory,
            Policies.create("ffn-drop", memory, Optional.empty(), 0),
            Optional.empty(),
            PruningController.Options.USUAL,
            decision -> {});
    dense = engine.held().total();
  }

  /** Nothing has changed. */
  @Benchmark
  public int tick() {
    return controller.step();
  }

  /** The budget has fallen, or risen: the policy is asked, and memory follows. */
  @Benchmark
  public boolean change() {
    less = !less;
    controller.setBudget(new MemoryBudget(less ? dense * 7 / 10 : dense));
    do {
      controller.step();
    } while (!controller.isSettled());
    return less;
  }

  @TearDown(Level.Trial)
  public void tearDown() throws IOException {
    engine.close();
    backend.close();
    checkpoint.close();
    Files.delete(file);
  }
}
