package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.cuda.KernelTime;
import dev.rap.cuda.MemorySample;
import dev.rap.engine.ModelFile;
import dev.rap.memory.Storage;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import dev.rap.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * Elements of the model: a head group (64 + 32 + 32) * 64 + 64 * 64 = 12,288, of which there are 4;
 * 96 channels a layer of 3 * 64; embedding 288 * 64; five norms of 64 in F32. Q8_0 takes 34 bytes
 * for 32 elements.
 */
class BenchCommandTest {
  @TempDir private Path folder;

  private Path model(RandomLlama model) {
    return GgufFiles.write(folder.resolve("tiny.gguf"), model, writer -> writer.byteTokenizer(288));
  }

  private Captured bench(String... args) {
    List<String> all =
        new ArrayList<>(List.of("bench", model(RandomLlama.tiny().with(DType.Q8_0)).toString()));
    all.addAll(List.of(args));
    return Captured.run(Map.of("HOME", folder.toString()), all.toArray(String[]::new));
  }

  @Test
  void theDocumentHoldsSpeedsAndWhatAStepReads() throws IOException {
    Captured run =
        bench("--prefill=8", "--decode=4", "--batch=2", "--repetitions=2", "--threads=1", "--json");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals(1, run.out().lines().count());
    JsonNode figures = new ObjectMapper().readTree(run.out());
    for (String name : new String[] {"Prefill", "Decode"}) {
      double median = figures.get(name.toLowerCase(Locale.ROOT) + "TokensPerSecond").asDouble();
      assertTrue(median > 0, name);
      assertTrue(figures.get("best" + name + "TokensPerSecond").asDouble() >= median, name);
    }
    assertEquals(8, figures.get("prefillTokens").asInt());
    assertEquals(4, figures.get("decodeTokens").asInt());
    assertEquals(2, figures.get("batch").asInt());
    assertEquals(1, figures.get("threads").asInt());
    // The embedding is the output too.
    long weights = (4 * 12_288 + 2 * 96 * 192 + 288 * 64) / 32 * 34 + 5 * 64 * 4;
    assertEquals(weights, figures.get("weightBytes").asLong());
    // Of two sequences 9, 10, 11, then 12 positions: 10.5, each with 4 keys and values of 32 in
    // F16.
    long kv = (long) (2 * 10.5 * 4 * 2 * 32 * 2);
    assertEquals(kv, figures.get("kvBytes").asLong());
    double decode = figures.get("decodeTokensPerSecond").asDouble();
    assertEquals(
        (weights + kv) * decode / 2, figures.get("decodeBytesPerSecond").asDouble(), decode);
    JsonNode ceilings = figures.get("ceilings");
    assertTrue(ceilings.get("flopsPerSecond").asDouble() > 1e8, ceilings.toString());
    assertTrue(ceilings.get("copyBytesPerSecond").asDouble() > 1e8, ceilings.toString());
    double memory = ceilings.get("readBytesPerSecond").asDouble();
    assertTrue(memory > 1e8, "a memory of " + memory + " bytes a second");
    assertEquals(
        2 * memory / (weights + kv),
        figures.get("decodeLimitTokensPerSecond").asDouble(),
        memory * 1e-9);
  }

  @Test
  void thereIsATableForPeople() {
    Captured run = bench("--prefill", "3", "--decode", "2", "--repetitions", "1");
    assertEquals(0, run.exitCode(), run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(1).matches("prefill +1 x 3 .* GFLOP/s"), run.out());
    assertTrue(lines.get(2).matches("decode +1 x 2 .* %"), run.out());
    assertTrue(lines.get(3).startsWith("a decode step reads 112 kB of weights"), run.out());
    assertTrue(lines.get(4).matches("this machine reads .*B/s, .* GFLOP/s in float32"), run.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --prefill 0     | --prefill must be positive, was 0
          --decode -1     | --decode must be positive, was -1
          --batch 257     | --batch must be in [1, 256], was 257
          --repetitions 0 | --repetitions must be in [1, 1000], was 0
          --prefill 250   | --prefill and --decode must be at most 256 together, the model's context, were 250 and 64
          """)
  void whatCannotBeMeasuredIsOneSentence(String args, String sentence) {
    Captured run = bench(args.split(" +", -1));
    assertEquals("rap: " + sentence + System.lineSeparator(), run.err());
    assertEquals("", run.out());
    assertEquals(1, run.exitCode());
  }

  @Test
  void kernelsAreTheGpus() {
    Captured run = bench("--kernels", "--backend", "cpu");
    assertEquals(
        "rap: --kernels times a GPU's kernels: add --backend cuda" + System.lineSeparator(),
        run.err().lines().reduce((first, last) -> last).orElse("") + System.lineSeparator());
    assertEquals(1, run.exitCode());
  }

  // 100 MB in 40 µs are 2.5 TB/s; of prefill there is no context but its own.
  @Test
  void kernelsHaveARowEach() {
    KernelTime rows =
        new KernelTime(8, 1, 512, "attention", "rows", 40, 100_000_000, 2.5e12, 0.84, 0);
    KernelTime prefill =
        new KernelTime(1, 2048, 2048, "attention", "attentionMany", 100, 50_000, 5e8, 0, 3e14);
    StringWriter text = new StringWriter();
    BenchCommand.table(List.of(rows, prefill)).print(new PrintWriter(text, true));
    List<String> lines = text.toString().lines().map(line -> line.replaceAll(" +", " ")).toList();
    assertEquals(
        List.of(
            "step part kernel µs a layer MB TB/s of a read TFLOP/s",
            "decode 8 attention rows 40.0 100.00 2.50 84 %",
            "prefill 2048 attention attentionMany 100.0 0.05 0.00 0 % 300"),
        lines);
  }

  @Test
  void deviceMemoryIsShownByOwner() {
    MemorySample sample =
        new MemorySample(
            0,
            60_000_000_000L,
            85_000_000_000L,
            16_100_000_000L,
            89_000_000,
            612_000_000,
            4_000_000,
            520_000_000,
            7_675_000_000L);
    assertEquals(
        "GPU memory: weights 16.1 GB, KV 89.0 MB, workspace 612 MB, spare pages 4.00 MB, CUDA's"
            + " own 520 MB, others 7.68 GB, free 60.0 GB of 85.0 GB",
        BenchCommand.text(sample));
  }

  @Test
  void aStepCostsWhatTheMaskRetains() {
    try (Checkpoint checkpoint = Checkpoint.open(model(RandomLlama.tiny().untied()))) {
      Weights weights = WeightsLoader.load(checkpoint);
      RetentionMask dense = RetentionMask.dense(weights.config().maskShape(64));
      // An output of its own is read, the embedding is not: only rows of it.
      long fixed = 4 * (288 * 64 + 5 * 64);
      assertEquals(
          new StepCost(
              fixed + 4 * (4 * 12_288 + 2 * 96 * 192),
              4 * 2 * 32 * 2,
              2 * (4 * 12_288 + 2 * 96 * 192),
              4 * 4 * 64,
              2 * 288 * 64),
          StepCost.of(weights, Storage.AS_STORED, dense));
      // Less a head group, and the first 64 of 96 channels of layer 1.
      BitSet second = new BitSet();
      second.set(1);
      RetentionMask mask =
          dense
              .with(new Sublayer(0, Sublayer.Kind.ATTENTION), second)
              .with(new Sublayer(1, Sublayer.Kind.FEED_FORWARD), second);
      long elements = 3 * 12_288 + (96 + 32) * 192;
      StepCost cost = StepCost.of(weights, Storage.AS_STORED, mask);
      assertEquals(
          new StepCost(
              fixed + 4 * elements, 3 * 2 * 32 * 2, 2 * elements, 3 * 4 * 64, 2 * 288 * 64),
          cost);
      // Three tokens meet 1 + 2 + 3 positions, and one has logits.
      assertEquals(3.0 * 2 * elements + 6 * 768 + 36_864, cost.prefillFlops(3));
      assertEquals(fixed + 4.0 * elements + 2 * 10 * 384, cost.decodeBytes(2, 10));
    }
  }

  @Test
  void requestsAreServedWhileTheBudgetMoves() throws IOException {
    String lines =
        """
        {"arrival": 0, "prompt": "abc", "tokens": 40}
        {"arrival": 0.01, "prompt": "d", "tokens": 7}
        """;
    Path file = Files.writeString(folder.resolve("requests"), lines);
    String[] args = {"--requests", file.toString(), "--batch=2", "--threads=1", "--json"};
    JsonNode figures = figures(bench(args));
    assertEquals(47, figures.get("drawn").asInt());
    assertEquals(0, figures.get("refused").asInt() + figures.get("unfinished").asInt());
    JsonNode second = figures.get("requests").get(1);
    assertEquals(1, second.get("promptTokens").asInt());
    assertEquals(8, second.get("tokens").size());
    assertEquals("length", second.get("finishReason").asText());
    List<String> small = new ArrayList<>(List.of(args));
    small.addAll(List.of("--policy", "dense", "--budget-schedule", "0=1%"));
    assertEquals(1, figures(bench(small.toArray(String[]::new))).get("refused").asInt());
  }

  // What is loaded where there is no room for all is chosen for sequences of this length.
  @Test
  void requestsAreAsLongAsTheLongestButNoLongerThanTheContext() throws IOException {
    String line = "{\"arrival\": 0, \"prompt\": \"abc\", \"tokens\": %d}\n";
    Path file = folder.resolve("requests");
    Files.writeString(file, line.formatted(7) + line.formatted(40));
    assertEquals(43, context("--requests", file.toString()));
    assertEquals(11, context("--prefill", "8", "--decode", "3"));
    assertEquals(256, context("--elastic", "1"));
    Files.writeString(file, line.formatted(Integer.MAX_VALUE));
    assertEquals(256, context("--requests", file.toString()));
    JsonNode figures = figures(bench("--requests", file.toString(), "--json"));
    assertEquals("context", figures.get("requests").get(0).get("finishReason").asText());
  }

  private int context(String... args) {
    BenchCommand command = new BenchCommand(new Captured(Map.of(), false).console());
    String[] all = Stream.concat(Stream.of("m.gguf"), Stream.of(args)).toArray(String[]::new);
    new CommandLine(command).parseArgs(all);
    try (Checkpoint checkpoint = Checkpoint.open(model(RandomLlama.tiny()))) {
      return command.context(
          new ModelFile(checkpoint, WeightsLoader.load(checkpoint), Tokenizer.of(checkpoint)));
    }
  }

  private static JsonNode figures(Captured run) throws IOException {
    assertEquals(0, run.exitCode(), run.err());
    return new ObjectMapper().readTree(run.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        "{}",
        "{\"arrival\": 0, \"prompt\": \"\", \"tokens\": 5}",
        "{\"arrival\": 0, \"prompt\": \"a\", \"tokens\": 0}",
        "{\"arrival\": 0, \"prompt\": \"a\", \"tokens\": \"many\"}"
      })
  void requestsThatAreNoneAreRefused(String lines) throws IOException {
    Path file = Files.writeString(folder.resolve("requests"), lines);
    Captured run = bench("--requests", file.toString());
    assertEquals(1, run.exitCode());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains("--requests"), run.err());
  }
}
