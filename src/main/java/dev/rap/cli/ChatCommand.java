package dev.rap.cli;

import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.memory.Workload;
import dev.rap.tokenizer.ChatTemplate;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap chat}. */
@Command(
    name = "chat",
    description = {
      "Talks with a model that was made for it: its file has a chat template.",
      "One line is one turn; /help lists what else can be said, Ctrl-D ends. Where standard input is"
          + " no terminal, replies go to standard output and nothing else does."
    },
    exitCodeListHeading = "%nExit code:%n",
    exitCodeList = {"0:every turn was answered", "1:one was not, standard error says why"},
    footer = {
      "",
      "Examples:",
      "  ./rap chat smollm2-135m",
      "  echo \"Name three rivers.\" | ./rap chat smollm2-135m --temperature 0"
    })
final class ChatCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions models;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description =
          "What the model is told first. Default: what its chat template says, if anything.")
  private String system;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Most tokens of a reply. Default: ${DEFAULT-VALUE}.")
  private int maxTokens = 512;

  @Mixin private GenerationOptions generation;
  @Mixin private MaskOptions masks;
  @Mixin private ElasticOptions elastic;
  @Mixin private ReportOption report;

  ChatCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException {
    generation.check();
    GenerationOptions.require("--max-tokens", "positive", maxTokens > 0, maxTokens);
    boolean moves = elastic.moves(masks);
    try (LoadedModel model =
        models.open(console, masks.fit(1, file -> generation.context(file.config()), console))) {
      ChatTemplate template = Conversation.templateOf(model);
      int context = generation.context(model.config());
      MaskOptions.Choice choice = masks.choose(model, new Workload(1, context));
      try (Engine engine = new Engine(model.backend(), Engine.Options.single(context))) {
        choice.apply(engine);
        ChatBudget budget =
            new ChatBudget(
                engine, () -> elastic.new Run(model, engine, masks, console), masks.areGiven());
        if (moves) {
          budget.begin();
        }
        greet(context);
        ChatSession session =
            new ChatSession(
                console,
                engine,
                budget,
                model.tokenizer(),
                new Conversation(template, Optional.ofNullable(system)),
                new ChatSession.Settings(generation, maxTokens, report));
        boolean allAnswered = session.run();
        budget.end();
        return allAnswered ? 0 : Failures.FAILURE;
      }
    }
  }

  private void greet(int context) {
    if (console.inTerminal()) {
      console
          .err()
          .printf(
              "rap: %s, %d tokens of context; /help lists commands, Ctrl-D ends%n",
              models.name(), context);
    }
  }
}
