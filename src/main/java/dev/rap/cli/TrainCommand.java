package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.dqn.DqnTrainer;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.eval.MeasuredLoss;
import dev.rap.memory.MemoryModel;
import dev.rap.pruning.Agent;
import dev.rap.pruning.AgentTrainer;
import dev.rap.pruning.MaskLoss;
import dev.rap.pruning.Profile;
import dev.rap.pruning.TrainingListener;
import dev.rap.pruning.TrainingPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap train}. */
@Command(
    name = "train",
    description = {
      "Trains the agent that decides what stays under a memory budget, and stores it in the model's"
          + " profile.",
      "With the text and windows that the profile was calibrated with, masks that the agent likes are"
          + " measured on them; without, it learns from what calibration measured."
    },
    footer = {"", "Example: ./rap train smollm2-135m --text valid.txt --max-windows 8 --masks 200"})
final class TrainCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions models;
  @Mixin private TextOptions texts;
  @Mixin private ProfileOptions profiles;
  @Mixin private ReportOption report;

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "Tokens of a window, as in calibration. Default: ${DEFAULT-VALUE}.")
  private int window = MemoryModel.STEP_TOKENS;

  @Option(
      names = "--masks",
      paramLabel = "N",
      description =
          "Masks that may be measured beyond those of calibration. Default: ${DEFAULT-VALUE}.")
  private int masks = 200;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of every random choice: equal seeds give equal agents. Default: 0.")
  private long seed;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where the profile with the agent goes. Default: where the profile is.")
  private Path output;

  @Option(names = "--plot", paramLabel = "FILE", description = "Draw the learning curve as a PNG.")
  private Path plot;

  TrainCommand(Console console) {
    this.console = console;
  }

  /** The figures of {@code --json}. */
  private record Figures(
      String profile,
      long seed,
      int parameters,
      Agent.Training training,
      List<TrainingListener.Round> rounds,
      double seconds) {}

  @Override
  public Integer call() {
    if (masks < 0) {
      throw new InputException("--masks must be 0 or more, was " + masks);
    }
    try (LoadedModel model = models.open(console)) {
      Profile profile = profiles.require(model.file());
      long start = System.nanoTime();
      Curve curve = new Curve();
      Profile trained =
          texts.given()
              ? measuring(model, profile, text(model, profile), curve)
              : train(
                  model,
                  profile,
                  mask -> {
                    throw new IllegalStateException("no mask may be measured");
                  },
                  0,
                  curve);
      Path file = output == null ? profiles.file(model.file()) : output;
      trained.write(file);
      if (plot != null) {
        curve.plot().write(plot);
      }
      print(file, trained, curve, (System.nanoTime() - start) / 1e9);
    }
    return 0;
  }

  private TextOptions.Windows text(LoadedModel model, Profile profile) {
    TextOptions.Windows text =
        texts.read(console, model, Math.min(window, model.config().contextLength()));
    if (!profile.calibrationDigest().equals(text.digest())) {
      throw new InputException(
          "the profile was calibrated with another text or other windows: give the same --text,"
              + " --window and --max-windows as to './rap calibrate'");
    }
    return text;
  }

  private Profile measuring(
      LoadedModel model, Profile profile, TextOptions.Windows text, Curve curve) {
    int tokens = text.length();
    try (ModelRunner runner = model.newWindowRunner(tokens)) {
      return train(model, profile, new MeasuredLoss(runner, text.windows()), masks, curve);
    }
  }

  private Profile train(
      LoadedModel model, Profile profile, MaskLoss loss, int allowed, Curve curve) {
    TrainingPlan plan = TrainingPlan.standard(profile.sublayers(), allowed, seed);
    try (Progress progress =
        new Progress(console, "training", plan.dqn().steps(), Progress.Unit.STEPS)) {
      curve.progress = progress;
      MemoryModel memory = model.memoryModel();
      return new AgentTrainer(memory, profile, loss, plan).train(curve);
    }
  }

  private void print(Path file, Profile profile, Curve curve, double seconds) {
    Agent agent = profile.agent().orElseThrow();
    Agent.Training training = agent.training();
    int parameters = agent.network().parameters().length;
    report.print(
        console,
        new Figures(file.toString(), seed, parameters, training, curve.rounds, seconds),
        out -> {
          Table table = new Table("round", "masks measured", "surrogate error", "loss on the grid");
          for (TrainingListener.Round round : curve.rounds) {
            table.row(
                round.number(),
                round.masksMeasured(),
                String.format(Locale.ROOT, "%.4f", round.surrogateError()),
                String.format(Locale.ROOT, "%.4f", round.gridLoss()));
          }
          table.print(out);
          out.printf(
              Locale.ROOT,
              "agent: %d parameters, %d episodes; loss on the grid %.4f, of GSI %.4f; surrogate off"
                  + " by %.4f nats%nprofile: %s%n",
              parameters,
              training.episodes(),
              training.gridLoss(),
              training.gsiGridLoss(),
              training.surrogateError(),
              file);
        });
  }

  /** What a training tells as it goes. */
  private final class Curve implements TrainingListener {
    private static final int EPISODES_PER_POINT = 200;

    private final List<Round> rounds = new ArrayList<>();
    private final List<Double> steps = new ArrayList<>();
    private final List<Double> rewards = new ArrayList<>();
    private final List<Double> epsilons = new ArrayList<>();
    private Progress progress;
    private double rewardSum;
    private int episodes;

    @Override
    public void fitted(int masks, double leaveOneOutError) {
      console
          .err()
          .printf(
              Locale.ROOT,
              "surrogate: fitted to %d measured masks, leave-one-out error %.4f nats%n",
              masks,
              leaveOneOutError);
    }

    @Override
    public void episode(DqnTrainer.Episode episode) {
      rewardSum += episode.reward();
      if (++episodes % EPISODES_PER_POINT == 0) {
        steps.add((double) episode.step());
        rewards.add(rewardSum / EPISODES_PER_POINT);
        epsilons.add(-episode.epsilon());
        rewardSum = 0;
      }
      progress.at(episode.step());
    }

    @Override
    public void round(Round round) {
      rounds.add(round);
      console
          .err()
          .printf(
              Locale.ROOT,
              "round %d: %d masks measured, surrogate off by %.4f nats, loss on the grid %.4f%n",
              round.number(),
              round.masksMeasured(),
              round.surrogateError(),
              round.gridLoss());
    }

    Plot plot() {
      return new Plot("Learning curve", "environment steps", "mean reward of an episode, nats")
          .curve("reward", steps, rewards, false)
          .curve("-epsilon", steps, epsilons, false);
    }
  }
}
