package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.Engine;
import dev.rap.engine.PruningController;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.kernels.RopePairing;
import dev.rap.memory.MemoryModel;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.RopeScaling;
import dev.rap.model.WeightsLoader;
import dev.rap.pruning.Policies;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sixteen sequences beside a process that takes and gives back the GPU's memory at random ({@code
 * scripts/gpu-neighbour.py}), then once more alone, with the masks and KV sizes of the first run at
 * the same steps: both must draw the same tokens.
 */
@Tag("gpu")
class GpuNeighbourTest {
  private static final String SECONDS = "120";
  private static final String FREE_MIB = "500";
  private static final long RESERVE = 64L << 20;
  private static final int SEQUENCES = 16;
  private static final int CONTEXT = 512;
  private static final ModelConfig CONFIG =
      new ModelConfig(
          "neighbour",
          8,
          1024,
          8,
          4,
          128,
          4096,
          512,
          4096,
          1e-5f,
          1e4,
          new RopeScaling.None(),
          RopePairing.HALVES);

  @TempDir private Path folder;

  private record Event(RetentionMask mask, int kvTokens) {}

  /** Sequences of random prompts, each followed by the next. */
  private static final class Load {
    private final Random random = new Random(4);
    private final List<Sequence> running = new ArrayList<>();
    private final List<Sequence> all = new ArrayList<>();

    void refill(Engine engine) {
      running.removeIf(sequence -> sequence.status() == Sequence.Status.FINISHED);
      while (running.size() < SEQUENCES) {
        int[] prompt = random.ints(1 + random.nextInt(64), 0, 512).toArray();
        int tokens = 1 + random.nextInt(CONTEXT - 64);
        running.add(engine.submit(prompt, SamplingOptions.GREEDY, tokens, Set.of()));
        all.add(running.getLast());
      }
    }
  }

  @Test
  void nothingFailsAndTheTextIsThatOfTheMasksThatWereApplied() throws Exception {
    Path file =
        GgufFiles.write(folder.resolve("m.gguf"), RandomLlama.tiny().with(CONFIG).with(DType.F16));
    List<Event> events = new ArrayList<>();
    Load first = new Load();
    try (Checkpoint checkpoint = Checkpoint.open(file);
        CudaBackend backend = (CudaBackend) GpuModelTest.load(WeightsLoader.load(checkpoint))) {
      backend.keepHostMaster();
      beside(backend, first, events);
      Load second = new Load();
      alone(backend, second, events);
      assertEquals(first.all.size(), second.all.size());
      for (int i = 0; i < first.all.size(); i++) {
        Sequence one = first.all.get(i);
        Sequence other = second.all.get(i);
        assertEquals(one.length(), other.length());
        for (int t = 0; t < one.length(); t++) {
          assertEquals(one.token(t), other.token(t), "token %d of sequence %d".formatted(t, i));
        }
      }
    }
  }

  private static void beside(CudaBackend backend, Load load, List<Event> events)
      throws IOException, InterruptedException {
    int[] decisions = new int[1];
    MemoryModel memory = MemoryModel.of(backend.weights(), CONFIG.maskShape(), backend.storage());
    try (Engine engine =
        new Engine(backend, new Engine.Options(SEQUENCES, CONTEXT, SEQUENCES * CONTEXT))) {
      PruningController controller =
          new PruningController(
              engine,
              memory,
              Policies.create("ffn-drop", memory, Optional.empty(), 0),
              Optional.empty(),
              RESERVE,
              decision -> decisions[0]++);
      Process neighbour =
          new ProcessBuilder("python3", "scripts/gpu-neighbour.py", SECONDS, FREE_MIB)
              .inheritIO()
              .start();
      int pruned = 0;
      long longest = 0;
      while (neighbour.isAlive()) {
        load.refill(engine);
        long start = System.nanoTime();
        controller.step();
        longest = Math.max(longest, System.nanoTime() - start);
        pruned += engine.mask().isDense() ? 0 : 1;
        events.add(new Event(engine.mask(), engine.kvTokens()));
      }
      assertEquals(0, neighbour.waitFor());
      System.out.printf(
          "%d steps beside a neighbour, %d of them pruned, %d decisions, %d sequences, longest step %.1f ms%n",
          events.size(), pruned, decisions[0], load.all.size(), longest / 1e6);
      assertTrue(pruned > 0, "the neighbour was no trouble");
      assertTrue(
          load.all.stream().noneMatch(s -> s.finishReason() == Sequence.FinishReason.MEMORY));
    }
  }

  private static void alone(CudaBackend backend, Load load, List<Event> events) {
    try (Engine engine =
        new Engine(backend, new Engine.Options(SEQUENCES, CONTEXT, SEQUENCES * CONTEXT))) {
      for (Event event : events) {
        load.refill(engine);
        if (event.kvTokens() < engine.kvTokens()) {
          engine.resizeKv(event.kvTokens());
        }
        if (!event.mask().equals(engine.mask())) {
          engine.setMask(event.mask(), Optional.empty());
          engine.reclaim();
        }
        while (event.kvTokens() != engine.kvTokens()) {
          engine.resizeKv(event.kvTokens());
          engine.work();
        }
        engine.step();
      }
    }
  }
}
