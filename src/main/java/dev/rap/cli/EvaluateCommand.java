package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.eval.MeasuredLoss;
import dev.rap.eval.PolicyComparison;
import dev.rap.eval.PolicyComparison.Row;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap evaluate}. */
@Command(
    name = "evaluate",
    description = {
      "Lets every policy choose masks for the same budgets and workloads, and measures them on the"
          + " same text.",
      "Use a text that calibration and training did not see."
    },
    footer = {
      "",
      "Example: ./rap evaluate bundled --text bundled:test --budgets 80,60 --batch 1,8,32 --context"
          + " 128,512,2048,8192"
    })
final class EvaluateCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions models;
  @Mixin private TextOptions texts;
  @Mixin private ProfileOptions profiles;
  @Mixin private ReportOption report;

  @Option(
      names = "--budgets",
      paramLabel = "P",
      split = ",",
      description = "Budgets in percent of the dense model. Default: ${DEFAULT-VALUE}.")
  private List<Double> budgets = List.of(90.0, 80.0, 70.0, 60.0, 50.0);

  @Option(
      names = "--batch",
      paramLabel = "B",
      split = ",",
      description = "Sequences at once; with several, all are averaged. Default: ${DEFAULT-VALUE}.")
  private List<Integer> batches = List.of(8);

  @Option(
      names = "--context",
      paramLabel = "S",
      split = ",",
      description = "Tokens of each; with several, all are averaged. Default: ${DEFAULT-VALUE}.")
  private List<Integer> contexts = List.of(2048);

  @Option(
      names = "--policies",
      paramLabel = "NAME",
      split = ",",
      description = "Default: all that the model's profile allows.")
  private List<String> policies = List.of();

  @Option(
      names = "--random-masks",
      paramLabel = "N",
      description = "Masks that stand for the random policy. Default: ${DEFAULT-VALUE}.")
  private int randomMasks = 20;

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "Tokens of a window. Default: ${DEFAULT-VALUE}, or the model's context.")
  private int window = 512;

  @Option(names = "--csv", paramLabel = "FILE", description = "Write the table as CSV.")
  private Path csv;

  @Option(names = "--plot", paramLabel = "FILE", description = "Draw the table as a PNG.")
  private Path plot;

  EvaluateCommand(Console console) {
    this.console = console;
  }

  /** The figures of {@code --json}. */
  private record Figures(String text, long scored, double densePerplexity, List<Row> rows) {}

  @Override
  public Integer call() {
    try (LoadedModel model = models.open(console)) {
      TextOptions.Windows text =
          texts.read(console, model, Math.min(window, model.config().contextLength()));
      Optional<Profile> profile = profiles.find(model.file());
      MemoryModel memory = model.memoryModel();
      int tokens = text.length();
      try (ModelRunner runner = model.newWindowRunner(tokens)) {
        MeasuredLoss loss = new MeasuredLoss(runner, text.windows());
        List<Row> rows = compare(new PolicyComparison(memory, profile, loss, randomMasks), profile);
        double dense = Math.exp(loss.loss(RetentionMask.dense(memory.shape())));
        long scored = text.windows().size() * (tokens - 1L);
        output(new Figures(text.digest(), scored, dense, rows));
      }
    }
    return 0;
  }

  private List<Row> compare(PolicyComparison comparison, Optional<Profile> profile) {
    List<String> names = policies.isEmpty() ? Policies.usable(profile) : policies;
    List<Double> shares = budgets.stream().map(percent -> share(percent)).toList();
    List<Workload> workloads = new ArrayList<>();
    for (int batch : batches) {
      for (int context : contexts) {
        if (batch < 1 || context < 1) {
          throw new InputException(
              "--batch and --context must be positive, were %d and %d".formatted(batch, context));
        }
        workloads.add(new Workload(batch, context));
      }
    }
    int steps = names.size() * shares.size();
    try (Progress progress = new Progress(console, "policies", steps, Progress.Unit.STEPS)) {
      return comparison.compare(names, shares, workloads, progress::share);
    }
  }

  private static double share(double percent) {
    if (!(percent > 0 && percent <= 100)) {
      throw new InputException("--budgets must be in (0, 100], had " + percent);
    }
    return percent / 100;
  }

  private void output(Figures figures) {
    if (csv != null) {
      OutputFile.write(csv, csv(figures.rows()).getBytes(StandardCharsets.UTF_8));
    }
    if (plot != null) {
      PolicyReport.plot(figures.rows(), figures.densePerplexity()).write(plot);
    }
    report.print(
        console,
        figures,
        out -> {
          PolicyReport.table(figures.rows()).print(out);
          out.printf(
              Locale.ROOT,
              "dense: perplexity %.2f over %d positions; the mean is that of the loss, over %d"
                  + " workloads%n",
              figures.densePerplexity(),
              figures.scored(),
              batches.size() * contexts.size());
        });
  }

  private static String csv(List<Row> rows) {
    StringBuilder text =
        new StringBuilder(
            "policy,budget,masks,perplexity,lowest,highest,bytes_share,decision_micros\n");
    for (Row row : rows) {
      text.append(
          String.format(
              Locale.ROOT,
              "%s,%.4f,%d,%.4f,%.4f,%.4f,%.4f,%.1f%n",
              row.policy(),
              row.share(),
              row.masks(),
              row.perplexity(),
              row.lowest(),
              row.highest(),
              row.bytesShare(),
              row.decisionMicros()));
    }
    return text.toString();
  }
}
