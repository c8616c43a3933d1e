package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.Engine;
import dev.rap.engine.PruningController;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.kernels.CpuKernels;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.WeightsLoader;
import dev.rap.pruning.Policies;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An engine whose budget moves, on a driver over host memory. */
class ElasticEngineTest {
  private static final int SEQUENCES = 4;
  private static final int CONTEXT = 160;
  private static final ModelConfig CONFIG =
      RandomLlama.config("elastic", 6, 64, 8, 4, 32, 512, 288, 256);

  @TempDir private Path folder;
  private FakeDriver driver = new FakeDriver();
  private final Random random = new Random(3);
  private Checkpoint checkpoint;
  private CudaBackend backend;
  private Engine engine;
  private MemoryModel memory;
  private PruningController controller;
  private final List<PruningController.Decision> decisions = new ArrayList<>();

  @BeforeEach
  void load() {
    Path file =
        GgufFiles.write(folder.resolve("m.gguf"), RandomLlama.tiny().with(CONFIG).with(DType.F16));
    checkpoint = Checkpoint.open(file);
    open(Optional.empty());
  }

  private void open(Optional<CudaBackend.Fit> fit) {
    backend =
        CudaBackend.load(
            CudaDevice.open(driver),
            new OracleKernels(driver),
            Optional.empty(),
            WeightsLoader.load(checkpoint),
            fit,
            share -> {});
    engine = new Engine(backend, new Engine.Options(SEQUENCES, CONTEXT, SEQUENCES * CONTEXT));
    memory = MemoryModel.of(backend.weights(), CONFIG.maskShape(), backend.storage());
    controller = controller("ffn-drop");
  }

  @AfterEach
  void close() {
    engine.close();
    backend.close();
    checkpoint.close();
    assertEquals(List.of(), driver.leaks());
  }

  private PruningController controller(String policy) {
    return controller(policy, PruningController.Options.USUAL);
  }

  private PruningController controller(String policy, PruningController.Options options) {
    return new PruningController(
        engine,
        memory,
        Policies.create(policy, memory, Optional.empty(), 0),
        Optional.empty(),
        options,
        decisions::add);
  }

  private Sequence submit(int tokens) {
    int[] prompt = random.ints(20, 0, CONFIG.vocabularySize()).toArray();
    return engine.submit(prompt, SamplingOptions.GREEDY, tokens, Set.of());
  }

  private void settle() {
    for (int i = 0; i < 200; i++) {
      controller.step();
      if (controller.isSettled()) {
        return;
      }
    }
    throw new AssertionError("memory does not follow");
  }

  // While it is loaded the device has room for half a megabyte, of 1.5.
  @Test
  void allOfABudgetIsTheWholeModelWhereItWasPrunedWhileItWasLoaded() {
    long dense = engine.held().total();
    assertEquals(dense, controller.wholeBytes());
    engine.close();
    backend.close();
    driver = new FakeDriver(StagingRing.BYTES + 2 * dense, 0);
    driver.setOthersBytes(2 * dense - (1 << 19));
    RetentionMask first = RetentionMask.dense(CONFIG.maskShape()).without(Sublayer.of(1));
    for (int i = 2; i < 2 * CONFIG.layers(); i++) {
      first = first.without(Sublayer.of(i));
    }
    RetentionMask fitting = first;
    open(Optional.of((model, free) -> fitting));
    driver.setOthersBytes(0);
    assertEquals(fitting, engine.mask());
    long held = engine.held().total();
    assertTrue(held < dense - (1 << 20), "%d of %d".formatted(held, dense));
    controller.setBudget(new MemoryBudget(controller.wholeBytes()));
    controller.step();
    settle();
    assertTrue(engine.mask().isDense());
    assertEquals(dense, engine.held().total());
  }

  @Test
  void memoryFollowsTheBudgetAndTheTextGoesOn() {
    long dense = engine.held().total();
    long free = driver.memoryInfo().free();
    List<Sequence> sequences = List.of(submit(100), submit(100), submit(100), submit(100));
    controller.step();
    for (int percent : new int[] {90, 70, 55, 80, 60, 100}) {
      long budget = dense * percent / 100;
      controller.setBudget(new MemoryBudget(budget));
      controller.step();
      settle();
      long held = engine.held().total();
      assertTrue(held <= budget, "%d held of %d at %d %%".formatted(held, budget, percent));
      assertEquals(free + dense - held, driver.memoryInfo().free(), "the device has the rest");
    }
    assertEquals(dense, engine.held().total());
    assertTrue(engine.mask().isDense());
    assertEquals(SEQUENCES * CONTEXT, engine.kvTokens());
    while (engine.busy()) {
      controller.step();
    }
    for (Sequence sequence : sequences) {
      assertEquals(120, sequence.length());
      assertEquals(Sequence.FinishReason.LENGTH, sequence.finishReason());
    }
    assertTrue(decisions.size() >= 6);
  }

  @Test
  void whatANeighbourTakesIsGivenUpAndTakenBack() {
    submit(130);
    controller.step();
    long dense = engine.held().total();
    long free = driver.memoryInfo().free();
    driver.setOthersBytes(free); // nothing is left free
    long taken = dense / 4;
    driver.setOthersBytes(free + taken);
    long begin = System.nanoTime();
    while (engine.held().total() > dense - taken) {
      assertTrue(System.nanoTime() - begin < 20_000_000_000L, "nothing is given up");
      controller.step();
    }
    driver.setOthersBytes(0);
    while (engine.held().total() < dense) {
      assertTrue(System.nanoTime() - begin < 20_000_000_000L, "nothing comes back");
      controller.step();
    }
    settle();
    assertTrue(engine.mask().isDense());
  }

  // Some pages cannot be made although there was room a moment ago: others were faster.
  @Test
  void theTextBesideANeighbourIsThatOfTheMasksThatWereApplied() {
    long whole = engine.held().total();
    engine.close();
    long device = driver.memoryInfo().total();
    NeighbourRun run =
        new NeighbourRun(backend, new Engine.Options(SEQUENCES, 128, SEQUENCES * 128), whole / 10);
    long[] others = {device - 2 * whole};
    driver.setOthersBytes(others[0]);
    int[] steps = new int[1];
    run.beside(
        () -> {
          if (steps[0] % 10 == 0) {
            long free = driver.memoryInfo().free();
            if (steps[0] % 200 < 120) {
              others[0] += (long) (free * random.nextDouble(0.5, 1));
            } else {
              others[0] = device - 2 * whole;
            }
            driver.setOthersBytes(others[0]);
          }
          if (random.nextInt(10) == 0) {
            driver.fail("newPage", 1 + random.nextInt(3), new DeviceOutOfMemoryException("no"));
          }
          return steps[0]++ < 600;
        });
    driver.setOthersBytes(0);
    driver.forgive();
    assertTrue(run.pruned() > 20);
    run.checkNoneRefused();
    run.checkAlone();
    engine = new Engine(backend, new Engine.Options(1, 16, 16));
  }

  // The CPU is given all of the text up to then as a prompt.
  @ParameterizedTest(name = "computed anew: {0}")
  @ValueSource(booleans = {true, false})
  void whatIsComputedAnewGoesOnAsIfHeadGroupsHadNeverBeenAway(boolean recompute) {
    controller = controller("mha-drop", new PruningController.Options(0, recompute));
    long dense = engine.held().total();
    Sequence sequence = submit(120);
    steps(10);
    controller.setBudget(new MemoryBudget(dense * 7 / 10));
    settleAtOnce();
    assertTrue(IntStream.range(0, CONFIG.layers()).anyMatch(this::lacksAttention));
    steps(10);
    controller.setBudget(new MemoryBudget(Long.MAX_VALUE));
    settleAtOnce();
    assertTrue(engine.mask().isDense());
    int[] soFar = tokens(sequence);
    steps(120);
    int[] all = tokens(sequence);
    assertEquals(140, all.length);
    try (CpuBackend cpu = new CpuBackend(backend.weights(), CpuKernels.reference(), 1);
        Engine reference = new Engine(cpu, Engine.Options.single(CONTEXT))) {
      Sequence alone =
          reference.submit(soFar, SamplingOptions.GREEDY, all.length - soFar.length, Set.of());
      while (reference.busy()) {
        reference.step();
      }
      assertEquals(recompute, Arrays.equals(tokens(alone), all));
    }
  }

  private void settleAtOnce() {
    do {
      controller.step();
      while (engine.work()) {
        // all that can be done now
      }
    } while (!controller.isSettled());
  }

  private void steps(int count) {
    for (int i = 0; i < count; i++) {
      controller.step();
    }
  }

  private boolean lacksAttention(int layer) {
    return !engine.mask().retains(new Sublayer(layer, Sublayer.Kind.ATTENTION));
  }

  private static int[] tokens(Sequence sequence) {
    return IntStream.range(0, sequence.length()).map(sequence::token).toArray();
  }

  @Test
  void whatTheDriverDoesNotMapIsLeftForLaterAndTheTextGoesOn() {
    long dense = engine.held().total();
    Sequence sequence = submit(130);
    controller.setBudget(new MemoryBudget(dense / 2));
    settle();
    long half = engine.held().total();
    controller.setBudget(new MemoryBudget(Long.MAX_VALUE));
    int before = decisions.size();
    long begin = System.nanoTime();
    while (decisions.size() < before + 2) { // when nothing comes, it is decided anew
      assertTrue(System.nanoTime() - begin < 20_000_000_000L, "it is never left");
      for (int nth = 1; nth <= 70; nth++) {
        driver.fail("map", nth, new CudaException("the driver refuses"));
      }
      controller.step();
      driver.forgive();
    }
    assertTrue(engine.held().total() < half + dense / 10);
    settleAtOnce();
    steps(130);
    assertEquals(Sequence.FinishReason.LENGTH, sequence.finishReason());
    assertEquals(dense, engine.held().total());
  }

  // KV takes 6 layers x 4 head groups x 2 x 32 numbers of 2 bytes a token, 640 tokens of it 1.97
  // MB.
  @Test
  void freeBlocksGoFirstThenUnitsAndTheSequenceGoesOn() {
    long whole = controller.wholeBytes();
    assertEquals(whole, engine.held().total());
    Sequence sequence = submit(100);
    steps(3);
    controller.setBudget(new MemoryBudget(whole - 300 * 3072));
    settleAtOnce();
    assertTrue(engine.mask().isDense(), "free KvBlocks are enough");
    assertTrue(engine.kvTokens() <= SEQUENCES * CONTEXT - 300);
    assertEquals("less memory", decisions.getLast().why());
    controller.setBudget(new MemoryBudget(whole - 700 * 3072));
    settleAtOnce();
    assertFalse(engine.mask().isDense(), "there are not 700 tokens of KV");
    assertEquals(Sequence.Status.RUNNING, sequence.status());
    steps(100);
    assertEquals(Sequence.FinishReason.LENGTH, sequence.finishReason());
  }

  @Test
  void sequencesWaitForMemoryAndNoneIsRefusedThatCanRunAlone() {
    controller = controller("dense"); // which gives up nothing but KvBlocks
    controller.setBudget(
        new MemoryBudget(controller.wholeBytes() - 480 * 3072)); // 160 tokens' are left
    List<Sequence> sequences = List.of(submit(120), submit(120), submit(120), submit(120));
    int waited = 0;
    while (engine.busy()) {
      controller.step();
      waited += sequences.stream().anyMatch(s -> s.status() == Sequence.Status.WAITING) ? 1 : 0;
    }
    assertTrue(waited > 200, "steps in which some waited: " + waited);
    for (Sequence sequence : sequences) {
      assertEquals(Sequence.FinishReason.LENGTH, sequence.finishReason());
    }
  }

  @Test
  void aLittleMoreIsNoReasonForAnotherMask() {
    long whole = controller.wholeBytes();
    long budget = whole * 6 / 10;
    controller.setBudget(new MemoryBudget(budget));
    settle();
    int before = decisions.size();
    for (int i = 0; i < 10; i++) {
      controller.setBudget(new MemoryBudget(budget + i % 2 * whole / 200));
      steps(1);
    }
    assertEquals(before, decisions.size());
    controller.setBudget(new MemoryBudget(budget + whole / 5));
    settle();
    assertTrue(decisions.size() > before);
    assertEquals("more memory", decisions.get(before).why());
  }

  @Test
  void sequencesWaitWhereTheyDoNotFitAndOneThatNeverFitsIsRefused() {
    controller = controller("dense"); // which gives up nothing but KvBlocks
    List<Sequence> sequences = new ArrayList<>();
    for (int i = 0; i < SEQUENCES; i++) {
      sequences.add(submit(120));
    }
    controller.setBudget(new MemoryBudget(1));
    for (int i = 0; i < 4000 && engine.busy(); i++) {
      controller.step();
    }
    assertTrue(sequences.stream().allMatch(s -> s.status() == Sequence.Status.FINISHED));
    assertEquals(Sequence.FinishReason.MEMORY, sequences.getFirst().finishReason());
    controller.setBudget(new MemoryBudget(Long.MAX_VALUE));
    Sequence late = submit(50);
    while (engine.busy()) {
      controller.step();
    }
    assertEquals(Sequence.FinishReason.LENGTH, late.finishReason());
  }
}
