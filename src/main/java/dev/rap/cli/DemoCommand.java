package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.eval.MeasuredLoss;
import dev.rap.eval.Perplexity;
import dev.rap.eval.PolicyComparison;
import dev.rap.eval.PolicyComparison.Row;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap demo}. */
@Command(
    name = "demo",
    description = {
      "RAP's main job on the bundled model: text is generated while the memory budget falls to half"
          + " and returns, and an agent decides what stays.",
      "Then every policy is measured at every budget. Takes a minute or two."
    })
final class DemoCommand implements Callable<Integer> {
  private static final List<Double> SHARES = List.of(0.9, 0.8, 0.7, 0.6, 0.5);
  private static final int WINDOW = 512;
  private static final int WINDOWS = 6;
  private static final int RANDOM_MASKS = 5;

  private final Console console;

  @Mixin private BackendOptions backend;
  @Mixin private ReportOption report;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Where the plot of the table goes, a PNG. Default: ${DEFAULT-VALUE}.")
  private Path plot = Path.of("rap-demo.png");

  @Option(
      names = "--memory-plot",
      paramLabel = "FILE",
      description = "Where the plot of memory over time goes, a PNG. Default: ${DEFAULT-VALUE}.")
  private Path memoryPlot = Path.of("rap-demo-memory.png");

  DemoCommand(Console console) {
    this.console = console;
  }

  /** The figures of {@code --json}. */
  private record Figures(
      List<BudgetFall.Stage> stages, double densePerplexity, List<Row> policies, String plot) {}

  @Override
  public Integer call() throws IOException {
    Models models = Models.of(console.environment());
    Path file = BundledModel.model(models);
    try (LoadedModel model = LoadedModel.open(file, backend.loader(console, Optional.empty()))) {
      Profile profile = Profile.read(BundledModel.profile(models));
      profile.requireFor(model.fingerprint(), model.config());
      introduce(model);
      BudgetFall fall = new BudgetFall(model, profile, console);
      List<BudgetFall.Stage> stages = fall.run(stage -> console.err().println(stage.text()));
      fall.timeline().plot(memoryPlot);
      Path text = BundledModel.text("bundled:test", models).orElseThrow();
      compare(model, profile, Files.readString(text), stages);
    }
    return 0;
  }

  private void introduce(LoadedModel model) {
    console
        .err()
        .printf(
            Locale.ROOT,
            "%s: %d layers, %s of weights, running on %s.%n"
                + "%d stories are written at once while the memory budget falls from 100 %% to 50 %%"
                + " and comes back.%n"
                + "One column a layer: %s whole, %s dropped. The text is that of the first story.%n%n",
            model.config().name(),
            model.config().layers(),
            Bytes.text(model.memoryModel().denseUse(BudgetFall.WORKLOAD).weights()),
            model.backend().description(),
            BudgetFall.WORKLOAD.sequences(),
            MaskPicture.WHOLE,
            MaskPicture.DROPPED);
  }

  private void compare(
      LoadedModel model, Profile profile, String testText, List<BudgetFall.Stage> stages) {
    int[] tokens = model.tokenizer().encode(testText);
    List<int[]> windows = Perplexity.windows(tokens, WINDOW, WINDOWS);
    MemoryModel memory = model.memoryModel();
    List<String> policies = Policies.usable(Optional.of(profile));
    int steps = policies.size() * SHARES.size();
    try (ModelRunner runner = model.newWindowRunner(WINDOW);
        Progress progress =
            new Progress(console, "measuring policies", steps, Progress.Unit.STEPS)) {
      MeasuredLoss loss = new MeasuredLoss(runner, windows);
      List<Row> rows =
          new PolicyComparison(memory, Optional.of(profile), loss, RANDOM_MASKS)
              .compare(
                  policies,
                  SHARES,
                  List.of(BudgetFall.WORKLOAD, new Workload(1, 2048)),
                  progress::share);
      double dense = Math.exp(loss.loss(RetentionMask.dense(memory.shape())));
      PolicyReport.plot(rows, dense).write(plot);
      report.print(
          console,
          new Figures(stages, dense, rows, plot.toString()),
          out -> {
            out.printf(
                Locale.ROOT,
                "%nPerplexity on text that nothing was tuned on, by policy and budget (whole model: %.2f):%n%n",
                dense);
            PolicyReport.table(rows).print(out);
            out.printf(
                "%nThe same as a picture: %s%nMemory while the stories went on: %s%n%nTry next:%n"
                    + "  ./rap pull smollm2-135m%n"
                    + "  ./rap generate smollm2-135m -p \"Once upon a time\" --budget-schedule 32=60%%,96=100%%%n"
                    + "  ./rap evaluate bundled --text bundled:test --batch 32 --context 8192%n",
                plot, memoryPlot);
          });
    }
  }
}
