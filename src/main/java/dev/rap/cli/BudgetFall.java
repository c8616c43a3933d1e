package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.PruningController;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.engine.TextStream;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import dev.rap.pruning.PruningPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/** Generation that goes on while its memory budget falls and comes back. */
final class BudgetFall {
  /** What is generated: so many sequences, with room for so many tokens each. */
  static final Workload WORKLOAD = new Workload(8, 512);

  private static final List<Integer> PERCENTS =
      List.of(100, 90, 80, 70, 60, 50, 60, 70, 80, 90, 100);
  private static final int STEPS_PER_STAGE = 32;
  private static final int WARM_DECISIONS = 500;
  private static final List<String> PROMPTS =
      List.of(
          "Once upon a time, there was a young fox who",
          "One morning, Lily found a small box",
          "A bee is",
          "Tom wanted to build a boat",
          "Once upon a time, an old farmer",
          "The sun was shining and Mia",
          "A bridge is",
          "Deep in the forest, a little bird");

  private final LoadedModel model;
  private final MemoryModel memory;
  private final PruningPolicy policy;
  private final Console console;
  private final TextStream text;
  private long start;
  private int nextPrompt;
  private MemoryTimeline timeline;
  private double decisionMicros; // of the last decision
  private Sequence shown; // the story whose text is shown, none at first
  private int shownTokens;

  /**
   * @param console where a person may watch what memory is held for
   */
  BudgetFall(LoadedModel model, Profile profile, Console console) {
    this.model = model;
    this.console = console;
    this.memory = model.memoryModel();
    this.policy = Policies.create("dqn", memory, Optional.of(profile), 0);
    this.text = new TextStream(model.tokenizer(), List.of());
  }

  /**
   * What happened at one budget.
   *
   * @param weightBytes that are held at the end
   * @param kvBytes that are held at the end
   * @param written text of the first sequence
   */
  record Stage(
      int budgetPercent,
      long weightBytes,
      long kvBytes,
      double decisionMicros,
      double tokensPerSecond,
      String attention,
      String feedForward,
      String written) {

    String text() {
      return String.format(
          Locale.ROOT,
          "budget %3d %%   weights %-8s KV %-8s %5.0f tokens/s   decided in %.0f µs%n"
              + "  attention    %s%n  feed-forward %s%n  %s%n",
          budgetPercent,
          Bytes.text(weightBytes),
          Bytes.text(kvBytes),
          tokensPerSecond,
          decisionMicros,
          attention,
          feedForward,
          written.strip().replaceAll("\\s+", " "));
    }
  }

  List<Stage> run(Consumer<Stage> shown) {
    int sequences = WORKLOAD.sequences();
    int context = Math.min(WORKLOAD.contextLength(), model.config().contextLength());
    List<Stage> stages = new ArrayList<>();
    try (Engine engine =
        new Engine(model.backend(), new Engine.Options(sequences, context, sequences * context))) {
      List<Sequence> running = new ArrayList<>();
      long denseBytes = memory.denseBytes(WORKLOAD);
      for (int i = 0; i < WARM_DECISIONS; i++) { // the first ones load and compile classes
        policy.choose(WORKLOAD, share(PERCENTS.get(i % PERCENTS.size()), denseBytes));
      }
      PruningController controller =
          new PruningController(
              engine,
              memory,
              policy,
              Optional.empty(),
              new PruningController.Options(0, true), // stories get back what they lack
              decision -> decisionMicros = decision.micros());
      long held = engine.held().total();
      timeline = new MemoryTimeline(console, held);
      start = System.nanoTime();
      for (int percent : PERCENTS) {
        controller.setBudget(share(percent, held));
        Stage stage = stage(engine, controller, running, percent);
        stages.add(stage);
        shown.accept(stage);
      }
    }
    return stages;
  }

  /** {@return what memory was held for in {@link #run}} */
  MemoryTimeline timeline() {
    return timeline;
  }

  private Stage stage(
      Engine engine, PruningController controller, List<Sequence> running, int percent) {
    StringBuilder written = new StringBuilder();
    long drawn = 0;
    long begin = System.nanoTime();
    for (int step = 0; step < STEPS_PER_STAGE; step++) {
      refill(engine, running);
      controller.step();
      drawn += running.size();
      show(running.getFirst(), written);
      timeline.add((System.nanoTime() - start) / 1e9, engine.held(), controller.budgetBytes());
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    String[] picture = MaskPicture.rows(engine.mask());
    return new Stage(
        percent,
        engine.held().weights(),
        engine.held().kv(),
        decisionMicros,
        drawn / seconds,
        picture[0],
        picture[1],
        written.toString());
  }

  private void show(Sequence story, StringBuilder written) {
    if (story != shown) {
      written.append(text.flush()).append(shown == null ? "" : " ¶ ");
      shown = story;
      shownTokens = 0;
    }
    for (; shownTokens < story.length(); shownTokens++) {
      written.append(text.accept(story.token(shownTokens)));
    }
  }

  private static MemoryBudget share(int percent, long bytes) {
    return MemoryBudget.share(percent / 100.0, bytes);
  }

  // A story that has ended makes room for the next.
  private void refill(Engine engine, List<Sequence> running) {
    running.removeIf(sequence -> sequence.status() == Sequence.Status.FINISHED);
    while (running.size() < WORKLOAD.sequences()) {
      String prompt = PROMPTS.get(nextPrompt % PROMPTS.size());
      SamplingOptions sampling = new SamplingOptions(0.7, 40, 0.95, 0, 1.1, nextPrompt++);
      running.add(
          engine.submit(
              model.tokenizer().around(model.tokenizer().encode(prompt)),
              sampling,
              Integer.MAX_VALUE,
              model.tokenizer().endTokens()));
    }
  }
}
