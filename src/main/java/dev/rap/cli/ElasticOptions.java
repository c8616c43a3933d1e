package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.PruningController;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A memory budget that moves while text is drawn. */
final class ElasticOptions {
  private static final int MOST_TRIES = 10_000; // the device may have no room for what returns

  @Option(
      names = "--budget-schedule",
      paramLabel = "MOMENT=X,...",
      description = {
        "Budgets that follow one another while the text goes on, by tokens drawn or by time:"
            + " 0=100%%,32=60%%,5s=1.2GB. 100%% is what is held with everything retained."
      })
  private String schedule;

  @Option(
      names = "--budget-file",
      paramLabel = "FILE",
      description =
          "A file with the budget, such as 60%%, which is read again whenever it changes.")
  private Path budgetFile;

  @Option(
      names = "--memory-plot",
      paramLabel = "PNG",
      description = "Where to draw what memory was held for, over time.")
  private Path plot;

  @Mixin private HostMasterOption hostMaster;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--reserve",
      paramLabel = "X",
      description =
          "What of the GPU's memory is left free for other processes: when they take of it, as much"
              + " is given up. Default: ${DEFAULT-VALUE}.")
  private String reserve = "256MiB";

  @Option(
      names = "--recompute",
      description =
          "When head groups return, compute the keys and values anew that running text lacks of"
              + " them. Without it the text goes on without these groups.")
  private boolean recompute;

  /**
   * {@return whether the budget moves}
   *
   * @throws ParameterException if flags name two sources of the budget
   */
  boolean moves(MaskOptions masks) {
    if (schedule != null && budgetFile != null) {
      throw new ParameterException(
          command.commandLine(),
          "--budget-schedule and --budget-file exclude each other: give one of them");
    }
    boolean moves = schedule != null || budgetFile != null;
    if (moves && masks.areGiven()) {
      throw new ParameterException(
          command.commandLine(),
          "a budget that moves and --mask or --budget exclude each other: give one of them");
    }
    return moves;
  }

  /** Keeps a copy of what can leave the GPU, if one is asked for. */
  void keepHostMaster(LoadedModel model) {
    hostMaster.keep(model.backend());
  }

  /** An engine within a budget that moves. */
  final class Run {
    private final Console console;
    private final Engine engine;
    private final PruningController controller;
    private final Optional<BudgetSchedule> budgets;
    private final Optional<BudgetFile> file;
    private final MemoryTimeline timeline;
    private final long start = System.nanoTime();

    /**
     * @param engine has drawn nothing yet
     * @throws InputException if the schedule or the file says no budget
     */
    Run(LoadedModel model, Engine engine, MaskOptions masks, Console console) {
      this.console = console;
      this.engine = engine;
      keepHostMaster(model);
      MemoryModel memory = model.memoryModel();
      this.controller =
          new PruningController(
              engine,
              memory,
              masks.policy(model.file(), memory),
              masks.means(model.file()),
              new PruningController.Options(reserveBytes(memory), recompute),
              this::show);
      long whole = wholeBytes();
      this.budgets = Optional.ofNullable(schedule).map(text -> BudgetSchedule.parse(text, whole));
      this.file = Optional.ofNullable(budgetFile).map(path -> new BudgetFile(path, whole));
      this.timeline = new MemoryTimeline(console, whole);
      file.flatMap(BudgetFile::first).ifPresent(controller::setBudget);
    }

    private long reserveBytes(MemoryModel memory) {
      try {
        return MemoryBudget.parse(reserve, engine.wholeBytes(memory)).bytes();
      } catch (InputException e) {
        throw new InputException("--reserve: " + e.getMessage(), e);
      }
    }

    /**
     * Runs one step.
     *
     * @param tokens drawn so far
     */
    void step(int tokens) {
      double now = (System.nanoTime() - start) / 1e9;
      budgets.flatMap(all -> all.at(tokens, now)).ifPresent(controller::setBudget);
      file.flatMap(some -> some.changed(now, console.err())).ifPresent(controller::setBudget);
      controller.step();
      if (plot != null || console.errTerminal()) {
        timeline.add(now, engine.held(), controller.budgetBytes());
      }
    }

    /**
     * Sets the budget, and lets memory follow where no text is drawn.
     *
     * @throws InputException if {@code text} is no budget
     */
    void setBudget(String text) {
      controller.setBudget(MemoryBudget.parse(text, wholeBytes()));
      for (int tries = 0; tries == 0 || (tries < MOST_TRIES && !controller.isSettled()); tries++) {
        controller.step();
      }
    }

    /** {@return bytes that are held with nothing given up, which is what 100 % stands for} */
    long wholeBytes() {
      return controller.wholeBytes();
    }

    /** {@return what is held, and what may be, in a sentence} */
    String state() {
      return "%s of %s held, budget %s"
          .formatted(
              Bytes.text(engine.held().total()),
              Bytes.text(wholeBytes()),
              Bytes.text(Math.min(wholeBytes(), controller.budgetBytes())));
    }

    private void show(PruningController.Decision decision) {
      console
          .err()
          .printf(
              Locale.ROOT,
              "%nrap: %s: %s of %s held, budget %s: %s to %s, KV for %,d tokens, decided in %.0f µs%n",
              decision.why(),
              Bytes.text(decision.heldBytes()),
              Bytes.text(wholeBytes()),
              Bytes.text(Math.min(wholeBytes(), decision.budgetBytes())),
              decision.from(),
              decision.to(),
              decision.kvTokens(),
              decision.micros());
      console.err().flush();
    }

    /** Draws the plot, if one was asked for. */
    void end() {
      if (plot != null) {
        timeline.plot(plot);
      }
    }
  }
}
