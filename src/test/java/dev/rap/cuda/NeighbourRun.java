package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.engine.Engine;
import dev.rap.engine.PruningController;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.memory.MemoryModel;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.Policies;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Sequences that follow one another beside somebody who takes the device's memory and gives it
 * back, then the same once more without him, with the masks and KV sizes of the first run at the
 * same steps. What lies where is the same for the same mask, so both must draw the same tokens, to
 * the last.
 */
final class NeighbourRun {
  private final CudaBackend backend;
  private final ModelConfig config;
  private final Engine.Options options;
  private final long reserve;
  private final List<Event> events = new ArrayList<>();
  private final Load first = new Load();
  private int pruned;
  private int decisions;
  private long longestNanos;

  private record Event(RetentionMask mask, int kvTokens) {}

  /**
   * @param reserve bytes that are left to the neighbour
   */
  NeighbourRun(CudaBackend backend, Engine.Options options, long reserve) {
    this.backend = backend;
    this.config = backend.weights().config();
    this.options = options;
    this.reserve = reserve;
  }

  /** Random prompts, as many at once as the engine runs. */
  private final class Load {
    private final Random random = new Random(4);
    private final List<Sequence> running = new ArrayList<>();
    private final List<Sequence> all = new ArrayList<>();

    void refill(Engine engine) {
      running.removeIf(sequence -> sequence.status() == Sequence.Status.FINISHED);
      while (running.size() < options.maxSequences()) {
        int longest = options.contextLength() / 4;
        int[] prompt =
            random.ints(1 + random.nextInt(longest), 0, config.vocabularySize()).toArray();
        int tokens = 1 + random.nextInt(options.contextLength() - longest);
        running.add(engine.submit(prompt, SamplingOptions.GREEDY, tokens, Set.of()));
        all.add(running.getLast());
      }
    }
  }

  /** {@return steps in which something was pruned} */
  int pruned() {
    return pruned;
  }

  /** Runs while the neighbour is there. */
  void beside(BooleanSupplier isThere) {
    MemoryModel memory = MemoryModel.of(backend.weights(), config.maskShape(), backend.storage());
    try (Engine engine = new Engine(backend, options)) {
      PruningController controller =
          new PruningController(
              engine,
              memory,
              Policies.create("ffn-drop", memory, Optional.empty(), 0),
              Optional.empty(),
              new PruningController.Options(reserve, false),
              decision -> decisions++);
      while (isThere.getAsBoolean()) {
        first.refill(engine);
        long start = System.nanoTime();
        controller.step();
        longestNanos = Math.max(longestNanos, System.nanoTime() - start);
        pruned += engine.mask().isDense() ? 0 : 1;
        events.add(new Event(engine.mask(), engine.kvTokens()));
      }
    }
    System.out.printf(
        "%d steps beside a neighbour, %d of them pruned, %d decisions, %d sequences, longest step %.1f ms%n",
        events.size(), pruned, decisions, first.all.size(), longestNanos / 1e6);
  }

  /** Runs the same alone, and compares. */
  void checkAlone() {
    Load second = new Load();
    try (Engine engine = new Engine(backend, options)) {
      for (Event event : events) {
        second.refill(engine);
        apply(engine, event);
        engine.step();
      }
    }
    assertEquals(first.all.size(), second.all.size());
    for (int i = 0; i < first.all.size(); i++) {
      Sequence one = first.all.get(i);
      Sequence other = second.all.get(i);
      assertEquals(one.length(), other.length(), "sequence " + i);
      for (int t = 0; t < one.length(); t++) {
        assertEquals(one.token(t), other.token(t), "token %d of sequence %d".formatted(t, i));
      }
    }
  }

  private static void apply(Engine engine, Event event) {
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
  }

  /** Checks that no sequence was refused. */
  void checkNoneRefused() {
    assertEquals(
        0,
        first.all.stream()
            .filter(sequence -> sequence.status() == Sequence.Status.FINISHED)
            .filter(sequence -> sequence.finishReason() == Sequence.FinishReason.MEMORY)
            .count());
  }
}
