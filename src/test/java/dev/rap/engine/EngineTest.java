package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.Engine.Options;
import dev.rap.engine.Sequence.FinishReason;
import dev.rap.engine.Sequence.Status;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.kv.BlockTable;
import dev.rap.model.MaskShape;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A random model of two layers and two head groups, run by the oracle kernels. */
class EngineTest {
  private static final Kernels KERNELS = CpuKernels.reference();
  private static final int BLOCK = ModelRunner.BLOCK_SIZE;

  @TempDir private static Path folder;
  private static Checkpoint checkpoint;
  private static Weights weights;
  private static Backend backend;
  private static RetentionMask dense;

  @BeforeAll
  static void loadModel() {
    Path file = GgufFiles.write(folder.resolve("tiny.gguf"), RandomLlama.tiny().untied());
    checkpoint = Checkpoint.open(file);
    weights = WeightsLoader.load(checkpoint);
    backend = new CpuBackend(weights, KERNELS, 1);
    MaskShape shape = weights.config().maskShape(32);
    dense = RetentionMask.dense(shape);
  }

  @AfterAll
  static void closeModel() {
    checkpoint.close();
  }

  private static RetentionMask withoutGroup(int layer, int group) {
    return without(new Sublayer(layer, Sublayer.Kind.ATTENTION), group);
  }

  private static RetentionMask without(Sublayer sublayer, int unit) {
    BitSet units = dense.units(sublayer);
    units.clear(unit);
    return dense.with(sublayer, units);
  }

  private static int[] prompt(int length, long seed) {
    return new Random(seed).ints(length, 0, weights.config().vocabularySize()).toArray();
  }

  private static SamplingOptions random(long seed) {
    return new SamplingOptions(1, 0, 1, 0, 1, seed);
  }

  private static Engine engine(Options options) {
    return new Engine(backend, options);
  }

  private static Sequence submit(Engine engine, int[] prompt, int maxTokens) {
    return engine.submit(prompt, SamplingOptions.GREEDY, maxTokens, Set.of());
  }

  private static void finish(Engine engine) {
    while (engine.busy()) {
      assertTrue(engine.step() > 0, "a step without progress");
    }
  }

  private static List<Integer> drawn(Sequence sequence) {
    List<Integer> tokens = new ArrayList<>();
    for (int i = sequence.promptTokens(); i < sequence.length(); i++) {
      tokens.add(sequence.token(i));
    }
    return tokens;
  }

  private static List<Integer> alone(int[] prompt, SamplingOptions sampling, int maxTokens) {
    try (Engine engine = engine(Options.single(128))) {
      Sequence sequence = engine.submit(prompt, sampling, maxTokens, Set.of());
      finish(engine);
      return drawn(sequence);
    }
  }

  private static List<Integer> alone(int[] prompt, int maxTokens) {
    return alone(prompt, SamplingOptions.GREEDY, maxTokens);
  }

  /**
   * {@return the likeliest tokens after {@code prompt}, where {@code masks} hold for one step each}
   * Sequence by sequence and token by token, without an engine.
   */
  private static List<Integer> byHand(int[] prompt, List<RetentionMask> masks) {
    int most = prompt.length + masks.size();
    int[] tokens = Arrays.copyOf(prompt, most);
    byte[] present = new byte[weights.config().layers() * weights.config().kvHeads()];
    Arrays.fill(present, (byte) 1);
    List<Integer> drawn = new ArrayList<>();
    try (ModelRunner runner = backend.newRunner(new ModelRunner.Limits(most, 1, most, most, 1))) {
      BlockTable table = new BlockTable();
      runner.pool().reserve(table, most);
      int cached = 0;
      for (RetentionMask mask : masks) {
        runner.setMask(mask, Optional.empty());
        int length = prompt.length + drawn.size();
        runner.batch().clear();
        runner.batch().add(tokens, cached, length - cached, table, present);
        runner.run();
        tokens[length] = likeliest(runner, length - cached - 1);
        drawn.add(tokens[length]);
        cached = length;
      }
    }
    return drawn;
  }

  private static int likeliest(ModelRunner runner, int row) {
    MemorySegment logits = runner.logits(new int[] {row}, 1);
    int best = 0;
    for (int v = 1; v < weights.config().vocabularySize(); v++) {
      if (logit(logits, v) > logit(logits, best)) {
        best = v;
      }
    }
    return best;
  }

  private static float logit(MemorySegment logits, int token) {
    return logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
  }

  /** {@return what an engine draws greedily when {@code masks} hold for one step each} */
  private static List<Integer> scheduled(int[] prompt, List<RetentionMask> masks) {
    try (Engine engine = engine(Options.single(64))) {
      Sequence sequence = submit(engine, prompt, masks.size());
      for (RetentionMask mask : masks) {
        engine.setMask(mask, Optional.empty());
        engine.step();
      }
      assertEquals(Status.FINISHED, sequence.status());
      return drawn(sequence);
    }
  }

  private static List<RetentionMask> phases(int steps, RetentionMask... masks) {
    List<RetentionMask> schedule = new ArrayList<>();
    for (RetentionMask mask : masks) {
      for (int i = 0; i < steps; i++) {
        schedule.add(mask);
      }
    }
    return schedule;
  }

  @Test
  void drawsWhatTheModelRunByHandFindsLikeliest() {
    int[] prompt = prompt(20, 1);
    List<Integer> expected = byHand(prompt, phases(30, dense));
    assertTrue(Set.copyOf(expected).size() > 10, "a text that says nothing: " + expected);
    assertEquals(expected, alone(prompt, 30));
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 17, 512})
  void aTextDependsNeitherOnTheBatchNorOnTheTokensOfAStep(int stepTokens) {
    int[] lengths = {1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 40};
    Options options = new Options(4, 128, 4 * 128);
    try (Engine engine = new Engine(backend, options, stepTokens)) {
      List<Sequence> sequences = new ArrayList<>();
      for (int i = 0; i < lengths.length; i++) {
        sequences.add(submit(engine, prompt(lengths[i], i), 12));
        engine.step(); // so that they are at different points
      }
      finish(engine);
      for (int i = 0; i < lengths.length; i++) {
        assertEquals(alone(prompt(lengths[i], i), 12), drawn(sequences.get(i)), "prompt " + i);
        assertEquals(FinishReason.LENGTH, sequences.get(i).finishReason());
      }
      assertEquals(0, engine.kvTokensInUse());
    }
  }

  // Each grows to 3 KvBlocks, and there are 3 for all.
  @Test
  void asManyKvBlocksAsOneNeedsAreEnoughForSeveral() {
    try (Engine engine = engine(new Options(3, 3 * BLOCK, 3 * BLOCK))) {
      List<Sequence> sequences = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        sequences.add(engine.submit(prompt(10, i), random(i), 30, Set.of()));
      }
      int sentBack = 0;
      while (engine.busy()) {
        List<Status> before = sequences.stream().map(Sequence::status).toList();
        assertTrue(engine.step() > 0, "a step without progress");
        for (int i = 0; i < 3; i++) {
          boolean waitsAgain = sequences.get(i).status() == Status.WAITING;
          sentBack += before.get(i) == Status.RUNNING && waitsAgain ? 1 : 0;
        }
      }
      assertTrue(sentBack > 0, "no sequence had to wait");
      for (int i = 0; i < 3; i++) {
        assertEquals(alone(prompt(10, i), random(i), 30), drawn(sequences.get(i)));
      }
    }
  }

  // The long prompt needs 3 of 4 KvBlocks and takes three steps to be read.
  @Test
  void aNewcomerDoesNotTakeTheKvBlocksThatALongPromptWillNeed() {
    try (Engine engine = new Engine(backend, new Options(2, 64, 4 * BLOCK), BLOCK)) {
      Sequence first = submit(engine, prompt(40, 1), 1);
      Sequence second = submit(engine, prompt(20, 2), 1);
      for (int i = 0; i < 3; i++) {
        engine.step();
        assertEquals(Status.WAITING, second.status());
      }
      assertEquals(Status.FINISHED, first.status());
      finish(engine);
      assertEquals(alone(prompt(20, 2), 1), drawn(second));
    }
  }

  @Test
  void aFeedForwardSwitchHoldsFromTheNextStep() {
    int[] prompt = prompt(20, 3);
    Sublayer first = new Sublayer(0, Sublayer.Kind.FEED_FORWARD);
    Sublayer second = new Sublayer(1, Sublayer.Kind.FEED_FORWARD);
    List<RetentionMask> schedule =
        phases(6, dense, dense.without(first), without(second, 1).without(first), dense);
    List<Integer> expected = byHand(prompt, schedule);
    assertNotEquals(expected, byHand(prompt, phases(24, dense)));
    assertEquals(expected, scheduled(prompt, schedule));
  }

  @Test
  void aSequenceGoesOnWithoutAHeadGroupThatWasDroppedAndReturned() {
    int[] prompt = prompt(20, 4);
    RetentionMask less = withoutGroup(0, 1);
    List<Integer> neverReturned = byHand(prompt, phases(8, dense, less, less));
    assertNotEquals(neverReturned, byHand(prompt, phases(8, dense, less, dense)));
    assertEquals(neverReturned, scheduled(prompt, phases(8, dense, less, dense)));
    assertEquals(neverReturned, scheduled(prompt, phases(8, dense, less, less)));
  }

  @Test
  void aSequenceThatBeginsAfterAHeadGroupReturnedUsesIt() {
    int[] prompt = prompt(20, 5);
    try (Engine engine = engine(new Options(2, 64, 128))) {
      Sequence old = submit(engine, prompt, 30);
      engine.step();
      engine.setMask(withoutGroup(1, 0), Optional.empty());
      engine.step();
      engine.setMask(dense, Optional.empty());
      Sequence young = submit(engine, prompt, 20);
      finish(engine);
      assertEquals(alone(prompt, 20), drawn(young));
      assertNotEquals(alone(prompt, 30), drawn(old));
    }
  }

  // Of 4 tokens a step the first prompt takes all: nothing of the second is cached when the group
  // goes and returns.
  @Test
  void aSequenceOfWhichNothingIsCachedLosesNothing() {
    try (Engine engine = new Engine(backend, new Options(2, 64, 128), 4)) {
      Sequence first = submit(engine, prompt(8, 6), 20);
      Sequence second = submit(engine, prompt(8, 7), 20);
      engine.step();
      assertEquals(4, first.cachedTokens());
      assertEquals(0, second.cachedTokens());
      engine.setMask(withoutGroup(0, 0), Optional.empty());
      engine.setMask(dense, Optional.empty());
      finish(engine);
      assertEquals(alone(prompt(8, 7), 20), drawn(second));
      assertNotEquals(alone(prompt(8, 6), 20), drawn(first));
    }
  }

  @Test
  void aMaskOfAnotherModelChangesNothing() {
    try (Engine engine = engine(Options.single(64))) {
      RetentionMask mask = engine.mask();
      RetentionMask other = RetentionMask.dense(new MaskShape(3, 2, 96, 32));
      assertThrows(IllegalArgumentException.class, () -> engine.setMask(other, Optional.empty()));
      assertEquals(mask, engine.mask());
    }
  }

  @Test
  void cancellingFreesKvBlocksAndLeavesTheOthersAlone() {
    try (Engine engine = engine(new Options(2, 64, 128))) {
      Sequence running = submit(engine, prompt(20, 8), 20);
      Sequence other = submit(engine, prompt(5, 9), 20);
      Sequence waiting = submit(engine, prompt(5, 10), 20);
      engine.step();
      assertEquals(2 * BLOCK + BLOCK, engine.kvTokensInUse());
      engine.cancel(running);
      engine.cancel(waiting);
      assertEquals(BLOCK, engine.kvTokensInUse());
      assertEquals(FinishReason.CANCELLED, running.finishReason());
      assertEquals(FinishReason.CANCELLED, waiting.finishReason());
      finish(engine);
      assertEquals(alone(prompt(5, 9), 20), drawn(other));
      engine.cancel(other);
      assertEquals(FinishReason.LENGTH, other.finishReason());
      assertEquals(0, engine.kvTokensInUse());
    }
  }

  @Test
  void aFullContextEndsASequence() {
    try (Engine engine = engine(Options.single(24))) {
      Sequence sequence = submit(engine, prompt(20, 11), 100);
      finish(engine);
      assertEquals(FinishReason.CONTEXT, sequence.finishReason());
      assertEquals(24, sequence.length());
      assertEquals(alone(prompt(20, 11), 4), drawn(sequence));
    }
  }

  @Test
  void anEndTokenEndsASequenceAndIsItsLast() {
    List<Integer> text = alone(prompt(20, 12), 30);
    int end = text.get(12);
    try (Engine engine = engine(Options.single(64))) {
      Sequence sequence = engine.submit(prompt(20, 12), SamplingOptions.GREEDY, 30, Set.of(end));
      assertThrows(IllegalStateException.class, sequence::finishReason);
      finish(engine);
      assertEquals(FinishReason.END, sequence.finishReason());
      assertEquals(text.subList(0, text.indexOf(end) + 1), drawn(sequence));
    }
  }

  @Test
  void aPromptThatCannotBeServedIsRefusedAndTheEngineGoesOn() {
    try (Engine engine = engine(Options.single(24))) {
      assertEquals(
          "the prompt is empty: give at least one token",
          assertThrows(InputException.class, () -> submit(engine, new int[0], 1)).getMessage());
      assertEquals(
          "the prompt has 24 tokens, but the context holds 24 and one must be left to draw: shorten it or raise the context",
          assertThrows(InputException.class, () -> submit(engine, prompt(24, 1), 1)).getMessage());
      for (int token : new int[] {-1, 288}) {
        InputException refusal =
            assertThrows(InputException.class, () -> submit(engine, new int[] {1, token, 2}, 1));
        assertTrue(refusal.getMessage().contains("token " + token), refusal.getMessage());
      }
      assertFalse(engine.busy());
      assertEquals(0, engine.step());
      Sequence sequence = submit(engine, prompt(23, 1), 1);
      finish(engine);
      assertEquals(FinishReason.LENGTH, sequence.finishReason());
    }
  }

  @Test
  void optionsThatCannotBeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Options(0, 8, 8));
    assertThrows(IllegalArgumentException.class, () -> new Options(1, 0, 8));
    assertThrows(IllegalArgumentException.class, () -> new Options(1, 8, 7));
  }
}
