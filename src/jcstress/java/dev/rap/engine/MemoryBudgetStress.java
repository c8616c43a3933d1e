package dev.rap.engine;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.pruning.Policies;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/**
 * One thread sets the budget, as a command, a file or a request to a server may, and the
 * controller's reads it twice: never a budget that nobody set, and never an older one after a
 * newer.
 */
@JCStressTest
@Outcome(
    id = {"all, all", "all, 1", "all, 2", "1, 1", "1, 2", "2, 2"},
    expect = Expect.ACCEPTABLE,
    desc = "in the order in which they were set")
@State
public class MemoryBudgetStress {
  private static final Shared SHARED = new Shared();

  private final PruningController controller = SHARED.controller();

  /** The engine of all controllers, which does not run. */
  private static final class Shared {
    private final Engine engine;
    private final MemoryModel memory;

    Shared() {
      try {
        Path file = Files.createTempFile("rap-stress", ".gguf");
        GgufFiles.write(file, RandomLlama.tiny());
        Weights weights = WeightsLoader.load(Checkpoint.open(file));
        Files.delete(file); // it stays mapped
        CpuBackend backend = new CpuBackend(weights, CpuKernels.reference(), 1);
        engine = new Engine(backend, Engine.Options.single(16));
        memory = MemoryModel.of(weights, weights.config().maskShape(), backend.storage());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    synchronized PruningController controller() {
      return new PruningController(
          engine,
          memory,
          Policies.create("dense", memory, Optional.empty(), 0),
          Optional.empty(),
          PruningController.Options.USUAL,
          decision -> {});
    }
  }

  @Actor
  public void user() {
    controller.setBudget(new MemoryBudget(1));
    controller.setBudget(new MemoryBudget(2));
  }

  @Actor
  public void engine(LL_Result result) {
    result.r1 = text(controller.budgetBytes());
    result.r2 = text(controller.budgetBytes());
  }

  private static String text(long bytes) {
    return bytes == Long.MAX_VALUE ? "all" : Long.toString(bytes);
  }
}
