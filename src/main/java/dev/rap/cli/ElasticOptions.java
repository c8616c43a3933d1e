package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.PruningController;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A memory budget that moves while text is drawn. */
final class ElasticOptions {
  private static final double FILE_SECONDS = 0.1; // between looks at the file

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

  @Option(
      names = "--reserve",
      paramLabel = "X",
      description =
          "What of the GPU's memory is left free for other processes: when they take of it, as much"
              + " is given up. Default: ${DEFAULT-VALUE}.")
  private String reserve = "256MiB";

  /** {@return whether the budget moves} */
  boolean moves() {
    return schedule != null || budgetFile != null;
  }

  /** An engine within a budget that moves. */
  final class Run {
    private final Console console;
    private final Engine engine;
    private final PruningController controller;
    private final long denseBytes;
    private final Optional<BudgetSchedule> budgets;
    private final MemoryTimeline timeline;
    private final long start = System.nanoTime();
    private double fileSeconds = -FILE_SECONDS;
    private String fileText = "";

    /**
     * @param engine has drawn nothing yet
     * @throws InputException if the schedule or the file says no budget
     */
    Run(LoadedModel model, Engine engine, MaskOptions masks, Console console) {
      this.console = console;
      this.engine = engine;
      hostMaster.keep(model.backend());
      MemoryModel memory = model.memoryModel();
      this.controller =
          new PruningController(
              engine,
              memory,
              masks.policy(model.file(), memory),
              Optional.empty(),
              reserveBytes(engine),
              this::show);
      this.denseBytes = engine.held().total();
      this.budgets =
          Optional.ofNullable(schedule).map(text -> BudgetSchedule.parse(text, denseBytes));
      this.timeline = new MemoryTimeline(console, denseBytes);
      readFile(0);
    }

    private long reserveBytes(Engine engine) {
      try {
        return MemoryBudget.parse(reserve, engine.held().total()).bytes();
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
      readFile(now);
      controller.step();
      if (plot != null || console.errTerminal()) {
        timeline.add(now, engine.held(), controller.budgetBytes());
      }
    }

    private void readFile(double now) {
      if (budgetFile == null || now - fileSeconds < FILE_SECONDS) {
        return;
      }
      fileSeconds = now;
      String text;
      try {
        text = Files.readString(budgetFile).strip();
      } catch (IOException e) {
        throw new InputException(
            "--budget-file %s cannot be read: %s".formatted(budgetFile, e.getMessage()), e);
      }
      if (!text.equals(fileText) && !text.isEmpty()) {
        fileText = text;
        controller.setBudget(MemoryBudget.parse(text, denseBytes));
      }
    }

    private void show(PruningController.Decision decision) {
      console
          .err()
          .printf(
              Locale.ROOT,
              "%nrap: %s: %s of %s held, budget %s: %s, KV for %,d tokens, decided in %.0f µs%n",
              decision.why(),
              Bytes.text(decision.heldBytes()),
              Bytes.text(denseBytes),
              Bytes.text(Math.min(denseBytes, decision.budgetBytes())),
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
