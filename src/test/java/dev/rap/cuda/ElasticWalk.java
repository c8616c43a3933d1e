package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.engine.Engine;
import dev.rap.engine.ModelRunner;
import dev.rap.engine.PruningController;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.engine.SequenceWatch;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.pruning.Policies;
import dev.rap.pruning.PruningPolicy;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/**
 * A random walk of arrivals, decodes, cancels, mask changes, moves of the budget and failures of
 * the driver over arena, block pool and tables together. After each step no page has two owners
 * ({@link WatchedDriver}), all that the next step may touch is mapped, sums are right, every unit
 * that is there is bit by bit what it was in the beginning, and every sequence has its own KvBlocks
 * ({@link SequenceWatch}). What is done depends on the seed alone, not on what came of it.
 */
final class ElasticWalk implements AutoCloseable {
  private static final int WAITING = 3;
  private static final int PROMPT_TOKENS = 40;

  private final CudaBackend backend;
  private final WatchedDriver driver;
  private final LongConsumer others;
  private final Engine.Options options;
  private final ModelConfig config;
  private final MaskShape shape;
  private final MemoryModel memory;
  private final Engine engine;
  private final SequenceWatch sequences;
  private final List<Long> cacheAddresses; // by layer
  private final List<List<MemorySegment>> originals; // by sublayer and matrix
  private final Arena arena = Arena.ofShared();
  private final long otherBytes; // of ours that are in no pages
  private final long wholeBytes;
  private final long freeBytes; // beside them
  private final SplittableRandom random = new SplittableRandom(8);
  private PruningController controller;
  private int arrivals;
  private int finished;
  private int pruned;
  private int refused;

  /**
   * @param others is told what other processes have of the device
   * @param channelBlockSize of the masks
   */
  ElasticWalk(
      CudaBackend backend,
      WatchedDriver driver,
      LongConsumer others,
      Engine.Options options,
      int channelBlockSize) {
    this.backend = backend;
    this.driver = driver;
    this.others = others;
    this.options = options;
    this.config = backend.weights().config();
    this.shape = config.maskShape(channelBlockSize);
    this.memory = MemoryModel.of(backend.weights(), shape, backend.storage());
    List<Long> before = driver.addresses();
    this.engine = new Engine(backend, options);
    this.sequences = new SequenceWatch(engine);
    this.cacheAddresses = new ArrayList<>(driver.addresses());
    cacheAddresses.removeAll(before);
    this.originals = new ArrayList<>();
    for (int i = 0; i < shape.sublayers(); i++) {
      List<ElasticMemory> matrices = backend.parts().weights().matrices(i);
      List<CudaWeights.UnitRows> rows = backend.parts().weights().unitRows(shape, i);
      List<MemorySegment> copies = new ArrayList<>();
      for (int m = 0; m < matrices.size(); m++) {
        copies.add(arena.allocate(rows.get(m).front(units(i)), 64));
        download(matrices.get(m), copies.getLast(), copies.getLast().byteSize());
      }
      originals.add(copies);
    }
    engine.setMask(RetentionMask.dense(shape), Optional.empty());
    engine.reclaim(); // takes what it needs to bring units back
    this.otherBytes = ours() - pageBytes() * driver.pages();
    this.wholeBytes = engine.held().total();
    this.freeBytes = backend.parts().device().memoryInfo().free();
  }

  private int units(int sublayer) {
    return shape.units(Sublayer.of(sublayer).kind());
  }

  private long pageBytes() {
    return backend.parts().pool().pageBytes();
  }

  private long ours() {
    CudaDevice device = backend.parts().device();
    return Arrays.stream(MemoryOwner.values()).mapToLong(device::bytes).sum();
  }

  private void download(DeviceMemory memory, MemorySegment host, long bytes) {
    backend.parts().stream().download(host, memory, 0, bytes);
    backend.parts().stream().synchronize();
  }

  /**
   * Walks, and ends.
   *
   * @param controlled whether by budgets or by masks
   */
  void walk(boolean controlled, int steps, int contentEvery) {
    if (controlled) {
      budgets(steps, contentEvery);
    } else {
      masks(steps, contentEvery);
    }
    end();
  }

  /**
   * Walks as anybody may who has the engine: to any mask, at once or when it has come, and to any
   * size of the KV cache.
   *
   * @param contentEvery steps between comparisons of all weights
   */
  private void masks(int steps, int contentEvery) {
    for (int step = 0; step < steps; step++) {
      happen();
      RetentionMask mask = randomMask(random.split());
      int tokens = 1 + random.nextInt(options.kvTokens());
      switch (random.nextInt(16)) {
        case 0 -> setMask(mask);
        case 1 -> engine.reclaim();
        case 2 -> engine.prefetch(mask);
        case 3 -> engine.resizeKv(tokens);
        case 4 -> setMask(RetentionMask.dense(shape));
        default -> {}
      }
      engine.step();
      check(step % contentEvery == 0);
    }
  }

  private void setMask(RetentionMask mask) {
    RetentionMask before = engine.mask();
    try {
      engine.setMask(mask, Optional.empty());
    } catch (DeviceOutOfMemoryException e) {
      assertEquals(before, engine.mask(), "a failure changes nothing");
    }
  }

  /** Walks as a controller does whose budget moves, with masks of any units. */
  private void budgets(int steps, int contentEvery) {
    controller =
        new PruningController(
            engine,
            memory,
            new RandomUnits(),
            Optional.empty(),
            PruningController.Options.USUAL,
            decision -> {});
    for (int step = 0; step < steps; step++) {
      happen();
      long budget = (long) (wholeBytes * random.nextDouble(0.3, 1.2));
      if (random.nextInt(8) == 0) {
        controller.setBudget(new MemoryBudget(budget));
      }
      controller.step();
      check(step % contentEvery == 0);
    }
  }

  /** Drops random units until the rest fits, the same ones for the same question. */
  private final class RandomUnits implements PruningPolicy {
    private final PruningPolicy last = Policies.create("ffn-drop", memory, Optional.empty(), 0);

    @Override
    public String name() {
      return "random-units";
    }

    @Override
    public RetentionMask choose(Workload workload, MemoryBudget budget) {
      if (budget.admits(memory.denseBytes(workload))) {
        return RetentionMask.dense(shape);
      }
      SplittableRandom draws = new SplittableRandom(budget.bytes() + workload.hashCode());
      for (int tries = 0; tries < 8; tries++) {
        RetentionMask mask = randomMask(draws);
        if (budget.admits(memory.bytes(mask, workload))) {
          return mask;
        }
      }
      return last.choose(workload, budget);
    }
  }

  private RetentionMask randomMask(SplittableRandom draws) {
    RetentionMask mask = RetentionMask.dense(shape);
    for (int i = 0; i < shape.sublayers(); i++) {
      BitSet units = BitSet.valueOf(new long[] {draws.nextLong()});
      units.clear(units(i), Long.SIZE);
      mask = draws.nextInt(3) == 0 ? mask : mask.with(Sublayer.of(i), units);
    }
    return mask;
  }

  // What is none of the engine's doing.
  private void happen() {
    int prompt = 1 + random.nextInt(PROMPT_TOKENS);
    int tokens = 1 + random.nextInt(options.contextLength() - PROMPT_TOKENS);
    int index = random.nextInt(Integer.MAX_VALUE);
    double share = random.nextDouble();
    int nth = 1 + random.nextInt(4);
    switch (random.nextInt(40)) {
      case 0, 1, 2, 3, 4, 5 -> submit(prompt, tokens);
      case 6 -> cancel(index);
      case 7 -> others.accept(share < 0.5 ? 0 : freeBytes + (long) ((share - 0.5) * wholeBytes));
      case 8 -> driver.fail("newPage", nth);
      case 9 -> driver.fail("map", nth);
      case 10 -> engine.recompute();
      default -> {}
    }
  }

  // Each of a number of its own, which MarkKernels repeat.
  private void submit(int prompt, int tokens) {
    if (sequences.live().size() < options.maxSequences() + WAITING) {
      int[] numbers = new int[prompt];
      Arrays.fill(numbers, ++arrivals % config.vocabularySize());
      sequences.add(engine.submit(numbers, SamplingOptions.GREEDY, tokens, Set.of()));
    }
  }

  private void cancel(int index) {
    List<Sequence> live = sequences.live();
    if (!live.isEmpty()) {
      engine.cancel(live.get(index % live.size()));
    }
  }

  private void check(boolean withContent) {
    for (Sequence sequence : sequences.live()) {
      boolean hasEnded = sequence.status() == Sequence.Status.FINISHED;
      finished += hasEnded ? 1 : 0;
      if (hasEnded && sequence.finishReason() == Sequence.FinishReason.MEMORY) {
        refused++;
      }
    }
    pruned += engine.mask().isDense() ? 0 : 1;
    sequences.check();
    checkSums();
    checkMapped();
    if (withContent) {
      checkContent();
    }
  }

  private void checkSums() {
    CudaDevice device = backend.parts().device();
    PagePool pool = backend.parts().pool();
    assertEquals(driver.pages(), pool.pages());
    assertEquals(driver.pages() - driver.mappedPages(), pool.spares());
    assertEquals(pool.spares() * pageBytes(), device.bytes(MemoryOwner.SPARE));
    long cache = cacheAddresses.stream().mapToInt(driver::mappedPages).sum();
    assertEquals(cache * pageBytes(), device.bytes(MemoryOwner.KV));
    assertEquals(driver.pages() * pageBytes() + otherBytes, ours());
  }

  private void checkMapped() {
    long groupBytes =
        2L * ModelRunner.BLOCK_SIZE * config.headSize() * MemoryModel.KV_ELEMENT_BYTES;
    long blocks = engine.kvTokens() / ModelRunner.BLOCK_SIZE;
    for (int layer = 0; layer < config.layers(); layer++) {
      int groups = engine.mask().count(new Sublayer(layer, Sublayer.Kind.ATTENTION));
      driver.requireMapped(cacheAddresses.get(layer), blocks * groups * groupBytes);
    }
    for (int i = 0; i < shape.sublayers(); i++) {
      int there = backend.parts().elastic().slots(i).count();
      List<ElasticMemory> matrices = backend.parts().weights().matrices(i);
      List<CudaWeights.UnitRows> rows = backend.parts().weights().unitRows(shape, i);
      for (int m = 0; m < matrices.size(); m++) {
        driver.requireMapped(matrices.get(m).address(), rows.get(m).front(there));
      }
    }
  }

  private void checkContent() {
    try (Arena step = Arena.ofConfined()) {
      for (int i = 0; i < shape.sublayers(); i++) {
        UnitSlots slots = backend.parts().elastic().slots(i);
        BitSet missing = engine.mask().units(Sublayer.of(i));
        missing.andNot(slots.units());
        assertTrue(missing.isEmpty(), "units of the mask are not there");
        List<ElasticMemory> matrices = backend.parts().weights().matrices(i);
        for (int m = 0; m < matrices.size(); m++) {
          CudaWeights.UnitRows rows = backend.parts().weights().unitRows(shape, i).get(m);
          long bytes = rows.front(slots.count());
          if (bytes > 0) {
            MemorySegment found = step.allocate(bytes, 64);
            download(matrices.get(m), found, bytes);
            compare(originals.get(i).get(m), found, slots, rows);
          }
        }
      }
    }
  }

  private static void compare(
      MemorySegment original, MemorySegment found, UnitSlots slots, CudaWeights.UnitRows rows) {
    for (int slot = 0; slot < slots.count(); slot++) {
      int unit = slots.unitAt(slot);
      long bytes = rows.bytes(unit);
      MemorySegment expected = original.asSlice(rows.offset(unit), bytes);
      assertEquals(-1, expected.mismatch(found.asSlice(rows.offset(slot), bytes)), "another unit");
    }
  }

  /** Lets all sequences end, brings everything back, and finds it as it was. */
  private void end() {
    driver.forgive();
    others.accept(0);
    for (Sequence sequence : sequences.live()) {
      engine.cancel(sequence);
    }
    engine.setMask(RetentionMask.dense(shape), Optional.empty());
    work(() -> engine.resizeKv(options.kvTokens()));
    work(engine::isSettled);
    check(true);
    assertEquals(wholeBytes, engine.held().total());
    assertTrue(finished > 0 && pruned > 0 && driver.failures() > 0);
    System.out.printf(
        "%d sequences ended, %d of them refused, %d steps pruned, %d calls failed%n",
        finished, refused, pruned, driver.failures());
  }

  private void work(BooleanSupplier isDone) {
    for (int tries = 0; !isDone.getAsBoolean(); tries++) {
      assertTrue(tries < 1_000_000, "memory does not come back");
      engine.work();
    }
  }

  @Override
  public void close() {
    engine.close();
    arena.close();
    backend.close();
    assertThrows(IllegalStateException.class, () -> backend.parts().device().memoryInfo());
    assertEquals(0, driver.pages());
    assertEquals(List.of(), driver.addresses());
  }
}
