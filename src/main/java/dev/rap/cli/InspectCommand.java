package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.model.MaskShape;
import dev.rap.model.WeightsLoader;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.LongSummaryStatistics;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code rap inspect}. */
@Command(
    name = "inspect",
    description = "Says what a model is made of: shapes, storage types, bytes of what can go.",
    footer = {"", "Example: ./rap inspect smollm2-135m"})
final class InspectCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      paramLabel = "MODEL",
      description = "A GGUF file, a Hugging Face folder, bundled, or the name of a pulled model.")
  private String model;

  @Mixin private ReportOption report;

  InspectCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (Checkpoint checkpoint = Checkpoint.open(Models.of(console.environment()).resolve(model))) {
      ModelFacts facts =
          ModelFacts.of(
              checkpoint, WeightsLoader.load(checkpoint), MaskShape.DEFAULT_CHANNEL_BLOCK_SIZE);
      report.print(console, facts, out -> print(out, facts));
    }
    return 0;
  }

  private static void print(PrintWriter out, ModelFacts facts) {
    StringJoiner types = new StringJoiner(", ");
    facts.bytesByType().forEach((type, bytes) -> types.add(type + " " + Bytes.text(bytes)));
    line(out, "model", facts.name());
    line(out, "file", "%s (%s)".formatted(facts.path(), facts.format()));
    line(
        out,
        "shapes",
        "%s, %d layers, hidden %d, %d query heads over %d KV heads of %d, feed-forward %d"
            .formatted(
                facts.architecture(),
                facts.layers(),
                facts.hiddenSize(),
                facts.queryHeads(),
                facts.kvHeads(),
                facts.headSize(),
                facts.feedForwardSize()));
    line(
        out,
        "vocabulary",
        "%d tokens, output %s"
            .formatted(
                facts.vocabularySize(), facts.tied() ? "tied to the embedding" : "of its own"));
    line(
        out,
        "context",
        "%d tokens, RoPE base %.0f, scaling: %s"
            .formatted(facts.contextLength(), facts.ropeTheta(), facts.ropeScaling()));
    if (facts.windowedLayers() > 0) {
      line(
          out,
          "windows",
          "%d of %d layers see %d tokens back"
              .formatted(facts.windowedLayers(), facts.layers(), facts.window()));
    }
    line(
        out,
        "weights",
        String.format(
            Locale.ROOT,
            "%.1f M parameters, %s: %s",
            facts.parameters() / 1e6,
            Bytes.text(facts.bytes()),
            types));
    line(
        out,
        "KV cache",
        "%s a token, %d B of it a head group"
            .formatted(Bytes.text(facts.kvBytesPerToken()), facts.kvBytesPerTokenOfHeadGroup()));
    out.println();
    printUnits(out, facts);
  }

  private static void line(PrintWriter out, String what, String value) {
    out.printf(Locale.ROOT, "%-10s  %s%n", what, value);
  }

  private static void printUnits(PrintWriter out, ModelFacts facts) {
    int layers = facts.layers();
    int blocks = Math.ceilDiv(facts.feedForwardSize(), facts.channelBlockSize());
    Table table = new Table("unit", "count", "each", "all", "share");
    add(table, facts, "attention sublayer", layers, ModelFacts.LayerBytes::attention, 1);
    add(
        table,
        facts,
        "  head group",
        layers * facts.kvHeads(),
        ModelFacts.LayerBytes::headGroup,
        facts.kvHeads());
    add(table, facts, "feed-forward sublayer", layers, ModelFacts.LayerBytes::feedForward, 1);
    table.row(
        "  block of %d channels".formatted(facts.channelBlockSize()),
        layers * blocks,
        range(facts, ModelFacts.LayerBytes::channelBlock),
        "",
        "");
    table.row(
        "embedding, output, norms",
        1,
        Bytes.text(facts.fixedBytes()),
        Bytes.text(facts.fixedBytes()),
        share(facts, facts.fixedBytes()));
    table.print(out);
  }

  private static void add(
      Table table,
      ModelFacts facts,
      String unit,
      int count,
      ToLongFunction<ModelFacts.LayerBytes> bytes,
      int perLayer) {
    long all = perLayer * facts.layerBytes().stream().mapToLong(bytes).sum();
    table.row(unit, count, range(facts, bytes), Bytes.text(all), share(facts, all));
  }

  // Files of mixed types store the same unit of different layers in different sizes.
  private static String range(ModelFacts facts, ToLongFunction<ModelFacts.LayerBytes> bytes) {
    LongSummaryStatistics each = facts.layerBytes().stream().mapToLong(bytes).summaryStatistics();
    String least = Bytes.text(each.getMin());
    return each.getMin() == each.getMax() ? least : least + " to " + Bytes.text(each.getMax());
  }

  private static String share(ModelFacts facts, long bytes) {
    return String.format(Locale.ROOT, "%.1f %%", 100.0 * bytes / facts.bytes());
  }
}
