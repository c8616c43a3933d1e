package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.LoadedModel;
import dev.rap.eval.Calibrator;
import dev.rap.memory.MemoryModel;
import dev.rap.model.Sublayer;
import dev.rap.pruning.GsiRound;
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

/** {@code rap calibrate}. */
@Command(
    name = "calibrate",
    description = {
      "Measures, once a model, what each attention and feed-forward sublayer is worth, and writes the"
          + " model's profile.",
      "Takes the sublayers out one by one, each time the one that is missed least on the text"
          + " (Greedy Sequential Importance). May be interrupted at any time: the same command goes"
          + " on from the last finished round."
    },
    footer = {"", "Example: ./rap calibrate smollm2-135m --text valid.txt --max-windows 8"})
final class CalibrateCommand implements Callable<Integer> {
  private static final long PROGRESS_STEPS = 100_000;

  private final Console console;

  @Mixin private ModelOptions models;
  @Mixin private TextOptions texts;
  @Mixin private ProfileOptions profiles;
  @Mixin private ReportOption report;

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "Tokens of a window, at most 512. Default: ${DEFAULT-VALUE}.")
  private int window = MemoryModel.STEP_TOKENS;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where the profile goes. Default: beside the model, as MODEL.rap.")
  private Path output;

  CalibrateCommand(Console console) {
    this.console = console;
  }

  /**
   * The figures of {@code --json}.
   *
   * @param order sublayers in the order of their removal, 2 * layer for attention, 2 * layer + 1
   *     for feed-forward
   * @param losses after each removal, nats a token
   */
  private record Figures(
      String profile,
      String digest,
      long tokens,
      double denseLoss,
      List<Integer> order,
      List<Double> losses,
      double seconds) {}

  @Override
  public Integer call() throws IOException {
    if (window > MemoryModel.STEP_TOKENS) {
      throw new InputException(
          "--window must be at most %d, was %d".formatted(MemoryModel.STEP_TOKENS, window));
    }
    try (LoadedModel model = models.open(console)) {
      Path file = output == null ? profiles.file(model.file()) : output;
      TextOptions.Windows text =
          texts.read(console, model, Math.min(window, model.config().contextLength()));
      long start = System.nanoTime();
      Profile profile = calibrate(model, text, file);
      profile.write(file);
      Files.deleteIfExists(begunFile(file));
      print(file, profile, (System.nanoTime() - start) / 1e9);
    }
    return 0;
  }

  private static Path begunFile(Path file) {
    return file.resolveSibling(file.getFileName() + ".part");
  }

  private Profile calibrate(LoadedModel model, TextOptions.Windows text, Path file) {
    Path begunFile = begunFile(file);
    try (Progress progress =
        new Progress(console, "calibrating", PROGRESS_STEPS, Progress.Unit.STEPS)) {
      Calibrator calibrator =
          new Calibrator(
              model, text.windows(), text.digest(), done -> done.write(begunFile), progress::share);
      Optional<Profile> begun = begun(begunFile).filter(calibrator::canResume);
      begun.ifPresent(
          p ->
              console
                  .err()
                  .printf(
                      "rap: going on after round %d of %d, from %s%n",
                      p.gsi().size(), p.sublayers(), begunFile));
      return calibrator.calibrate(begun);
    }
  }

  private Optional<Profile> begun(Path file) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Profile.read(file));
    } catch (InputException e) {
      console.err().println("rap: beginning anew: " + e.getMessage());
      return Optional.empty();
    }
  }

  private void print(Path file, Profile profile, double seconds) {
    List<Integer> order = profile.gsi().stream().map(GsiRound::removed).toList();
    List<Double> losses = profile.gsi().stream().map(GsiRound::loss).toList();
    Figures figures =
        new Figures(
            file.toString(),
            profile.digest(),
            profile.calibrationTokens(),
            profile.denseLoss(),
            order,
            losses,
            seconds);
    report.print(
        console,
        figures,
        out -> {
          Table table = new Table("round", "goes", "perplexity after");
          table.row(0, "", String.format(Locale.ROOT, "%.2f", Math.exp(profile.denseLoss())));
          for (int i = 0; i < order.size(); i++) {
            table.row(
                i + 1,
                Sublayer.of(order.get(i)),
                String.format(Locale.ROOT, "%.2f", Math.exp(losses.get(i))));
          }
          table.print(out);
          out.printf("profile: %s%n", file);
        });
  }
}
