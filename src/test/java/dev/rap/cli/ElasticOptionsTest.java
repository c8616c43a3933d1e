package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.cuda.FakeGpu;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.MaskSchedule;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.kernels.CpuKernels;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.pruning.GsiRound;
import dev.rap.pruning.Profile;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * Budgets that move, on a GPU that had no room for half of the feed-forward sublayers when the
 * model was loaded.
 */
class ElasticOptionsTest {
  private static final int LAYERS = 6;
  private static final int CONTEXT = 128;
  private static final ModelConfig CONFIG =
      RandomLlama.config("elastic", LAYERS, 64, 8, 4, 32, 512, 288, 256);

  @TempDir private Path folder;
  private final Captured captured = new Captured(Map.of("HOME", "/nowhere"), false);
  private LoadedModel model;
  private Engine engine;
  private long pruned; // bytes held at first

  @Command
  private static final class Flags {
    @Mixin private ElasticOptions elastic;
    @Mixin private MaskOptions masks;
  }

  // Of a device that has no more than the model takes and the ring that loads it.
  private ElasticOptions.Run begin(String flag, String... others) {
    List<String> args = new ArrayList<>(List.of(flag, "--policy=ffn-drop"));
    args.addAll(List.of(others));
    Flags flags = new Flags();
    new CommandLine(flags).parseArgs(args.toArray(String[]::new));
    model =
        LoadedModel.open(
            file(),
            opened ->
                FakeGpu.loadPruned(
                    opened.weights(),
                    (memory, free) -> upperHalf(RetentionMask.dense(memory.shape()))));
    engine = new Engine(model.backend(), Engine.Options.single(CONTEXT));
    pruned = engine.held().total();
    return flags.elastic.new Run(model, engine, flags.masks, captured.console());
  }

  private Path file() {
    RandomLlama llama = RandomLlama.tiny().with(CONFIG).with(DType.F16);
    return GgufFiles.write(folder.resolve("m.gguf"), llama, writer -> writer.byteTokenizer(288));
  }

  private static RetentionMask upperHalf(RetentionMask dense) {
    RetentionMask mask = dense;
    for (int layer = 0; layer < LAYERS; layer += 2) {
      mask = mask.without(new Sublayer(layer, Sublayer.Kind.FEED_FORWARD));
    }
    return mask;
  }

  @AfterEach
  void close() {
    engine.close();
    model.close();
  }

  private static void steps(ElasticOptions.Run run, int tokens) {
    for (int i = 0; i < 50; i++) {
      run.step(tokens);
    }
  }

  private List<String> lines() {
    return captured.err().lines().filter(line -> !line.isEmpty()).toList();
  }

  // Three sublayers of 3 * 64 * 512 parameters in two bytes, and their 9 matrices in whole pages.
  @Test
  void aHundredPercentIsTheWholeModelThoughItWasPrunedToFit() {
    ElasticOptions.Run run = begin("--budget-schedule=0=100%,10=60%", "--reserve=1kB");
    long missing = 3 * 3 * 64 * 512 * 2;
    assertTrue(run.wholeBytes() - pruned >= missing, "%,d".formatted(run.wholeBytes() - pruned));
    steps(run, 0);
    assertTrue(engine.mask().isDense());
    long whole = engine.held().total();
    assertTrue(Math.abs(whole - run.wholeBytes()) <= 9 * 4096, "%,d".formatted(run.wholeBytes()));
    steps(run, 10);
    assertTrue(engine.held().total() <= 0.6 * run.wholeBytes());
    run.setBudget("100%");
    assertTrue(engine.mask().isDense());
    assertEquals(whole, engine.held().total());
  }

  // The CPU has the same mask from the beginning to the end.
  @Test
  void whatTheBudgetDropsIsReplacedByItsMeanIfThatIsAskedFor() {
    MeanInputs means = MaskSchedule.means(CONFIG, new Random(11));
    ElasticOptions.Run run =
        begin(
            "--budget-schedule=0=60%",
            "--reserve=1kB", "--compensate", "--profile=" + profile(means));
    steps(run, 0);
    RetentionMask mask = engine.mask();
    assertFalse(mask.isDense());
    List<Integer> drawn = drawn(engine, () -> run.step(0));
    assertEquals(mask, engine.mask());
    assertEquals(drawn, drawnByTheCpu(mask, Optional.of(means)));
    assertNotEquals(drawn, drawnByTheCpu(mask, Optional.empty()));
  }

  private Path profile(MeanInputs means) {
    Path path = folder.resolve("m.rap");
    try (Checkpoint checkpoint = Checkpoint.open(file())) {
      GsiRound round = new GsiRound(0, Collections.nCopies(2 * LAYERS, 2.0));
      new Profile(
              checkpoint.fingerprint(),
              CONFIG.name(),
              "cd".repeat(32),
              4096,
              1,
              List.of(round),
              means,
              List.of(),
              Optional.empty())
          .write(path);
    }
    return path;
  }

  private List<Integer> drawnByTheCpu(RetentionMask mask, Optional<MeanInputs> means) {
    try (CpuBackend cpu = new CpuBackend(model.backend().weights(), CpuKernels.reference(), 1);
        Engine alone = new Engine(cpu, Engine.Options.single(CONTEXT))) {
      alone.setMask(mask, means);
      return drawn(alone, alone::step);
    }
  }

  private static List<Integer> drawn(Engine engine, Runnable step) {
    int[] prompt = {3, 1, 4, 1, 5, 9, 2, 6};
    Sequence sequence = engine.submit(prompt, SamplingOptions.GREEDY, 40, Set.of());
    while (engine.busy()) {
      step.run();
    }
    return IntStream.range(0, sequence.length()).map(sequence::token).boxed().toList();
  }

  @Test
  void withoutAProfileThereAreNoMeans() {
    InputException e =
        assertThrows(InputException.class, () -> begin("--budget-schedule=0=60%", "--compensate"));
    assertTrue(e.getMessage().contains("m.rap"), e.getMessage());
    assertTrue(e.getMessage().contains("./rap calibrate"), e.getMessage());
  }

  @Test
  void aDecisionIsOneLine() {
    ElasticOptions.Run run = begin("--budget-schedule=0=100%", "--reserve=1kB");
    steps(run, 0);
    assertTrue(
        lines()
            .getFirst()
            .matches(
                "rap: other sequences: [\\d.]+ MB of [\\d.]+ MB held, budget [\\d.]+ MB:"
                    + " RetentionMask\\[(#\\.##){3}\\] to RetentionMask\\[#{12}\\],"
                    + " KV for 128 tokens, decided in \\d+ µs"),
        captured.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--budget-schedule=0=lots", "--budget-file=/nowhere/x", "--reserve=x"})
  void whatIsNoBudgetIsRefusedInASentenceThatNamesTheFlag(String flag) {
    String name = flag.substring(0, flag.indexOf('='));
    String message = assertThrows(InputException.class, () -> begin(flag)).getMessage();
    assertTrue(message.contains(name), message);
    assertEquals(1, message.lines().count());
  }
}
