package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.eval.Perplexity;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.ModelConfig;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap perplexity}. */
@Command(
    name = "perplexity",
    description = {
      "Measures how well a model predicts a text.",
      "The file is one text, cut into windows that do not overlap; every position of a window but"
          + " its first is scored, the tail is dropped."
    },
    footer = {"", "Example: ./rap perplexity smollm2-135m --text test.txt --max-windows 8"})
final class PerplexityCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions models;
  @Mixin private TextOptions texts;
  @Mixin private MaskOptions masks;
  @Mixin private ReportOption report;

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "Tokens of a window. Default: ${DEFAULT-VALUE}, or the model's context.")
  private int window = 2048;

  PerplexityCommand(Console console) {
    this.console = console;
  }

  /**
   * The figures of {@code --json}.
   *
   * @param nll summed over scored positions, nats
   * @param retainedBytes weights and KV of one window under the mask
   * @param denseBytes the same of the dense model
   */
  private record Figures(
      long tokens,
      long scored,
      double nll,
      double perplexity,
      double tokensPerSecond,
      long retainedBytes,
      long denseBytes) {}

  private int length(ModelConfig config) {
    return Math.min(window, config.contextLength());
  }

  @Override
  public Integer call() {
    try (LoadedModel model =
        models.open(console, masks.fit(1, file -> length(file.config()), console))) {
      int length = length(model.config());
      TextOptions.Windows text = texts.read(console, model, length);
      int tokens = text.length();
      Workload workload = new Workload(1, tokens);
      MaskOptions.Choice choice = masks.choose(model, workload);
      Perplexity measured = measure(console, model, text, choice);
      MemoryModel memory = model.memoryModel(choice.mask().shape());
      Figures figures =
          new Figures(
              measured.tokens(),
              measured.scored(),
              measured.nll(),
              measured.perplexity(),
              measured.tokensPerSecond(),
              memory.use(choice.mask(), workload).weightsAndKv(),
              memory.denseUse(workload).weightsAndKv());
      report.print(
          console,
          figures,
          out ->
              out.printf(
                  Locale.ROOT,
                  "perplexity %.3f over %d positions (%d tokens in the text), %s of %s, %.0f tokens/s%n",
                  figures.perplexity(),
                  figures.scored(),
                  figures.tokens(),
                  Bytes.text(figures.retainedBytes()),
                  Bytes.text(figures.denseBytes()),
                  figures.tokensPerSecond()));
    }
    return 0;
  }

  /** Scores a text under a mask, of which what is dropped is given back. */
  static Perplexity measure(
      Console console, LoadedModel model, TextOptions.Windows text, MaskOptions.Choice choice) {
    int tokens = text.length();
    int count = text.windows().size();
    try (ModelRunner runner = model.newWindowRunner(tokens);
        Progress progress = new Progress(console, "windows", count, Progress.Unit.STEPS)) {
      runner.setMask(choice.mask(), choice.means());
      if (!choice.mask().isDense()) {
        runner.reclaim();
      }
      return Perplexity.measure(runner, text.windows(), text.tokens(), progress::share);
    }
  }
}
