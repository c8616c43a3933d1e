package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.tokenizer.Tokenizer;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code rap generate}. */
@Command(
    name = "generate",
    description = {
      "Goes on with a text.",
      "The prompt is taken as it is; --chat makes it a message to the model."
    },
    footer = {
      "",
      "Examples:",
      "  ./rap generate smollm2-135m -p \"The capital of France is\" --max-tokens 16",
      "  ./rap generate smollm2-135m --chat -p \"Name three rivers.\" --temperature 0",
      "  ./rap generate smollm2-135m -p \"Once upon a time\" --budget 80%%",
      "  ./rap generate smollm2-135m -p \"Once upon a time\" --budget-schedule 32=60%%,96=100%%"
    })
final class GenerateCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions models;

  @ArgGroup(exclusive = true, multiplicity = "0..1")
  private PromptOptions prompts;

  @Spec private CommandSpec spec;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Most tokens to draw. Default: ${DEFAULT-VALUE}.")
  private int maxTokens = 128;

  @Option(
      names = "--chat",
      description = "Make the prompt a message of a user, as its chat template says.")
  private boolean chat;

  @Option(
      names = "--special",
      description = "Let special tokens that are written in the prompt steer the model.")
  private boolean special;

  @Mixin private GenerationOptions generation;
  @Mixin private MaskOptions masks;
  @Mixin private ElasticOptions elastic;
  @Mixin private ReportOption report;

  GenerateCommand(Console console) {
    this.console = console;
  }

  /**
   * The figures of {@code --json}.
   *
   * @param tokens that were drawn
   * @param finishReason end, length, context or stop
   * @param tokensPerSecond after the first
   * @param retainedBytes weights and KV of the text at its longest, under the mask
   * @param denseBytes the same of the dense model
   */
  private record Figures(
      String text,
      int promptTokens,
      int tokens,
      String finishReason,
      double promptTokensPerSecond,
      double tokensPerSecond,
      long retainedBytes,
      long denseBytes) {}

  @Override
  public Integer call() {
    if (prompts == null) {
      throw new ParameterException(
          spec.commandLine(), "there is no prompt: give -p TEXT or --prompt-file FILE");
    }
    generation.check();
    GenerationOptions.require("--max-tokens", "positive", maxTokens > 0, maxTokens);
    if (chat && special) {
      throw new InputException("--chat and --special exclude each other: give one of them");
    }
    boolean moves = elastic.moves(masks);
    String prompt = prompts.read(console);
    try (LoadedModel model =
        models.open(console, masks.fit(1, file -> generation.context(file.config()), console))) {
      int[] tokens = tokens(prompt, model);
      int context = generation.context(model.config());
      int longest = (int) Math.min(context, (long) tokens.length + maxTokens);
      Workload workload = new Workload(1, longest);
      MaskOptions.Choice choice = masks.choose(model, workload);
      Reply reply = draw(model, choice, tokens, moves, moves ? longest : context);
      MemoryModel memory = model.memoryModel(choice.mask().shape());
      print(
          reply,
          memory.use(choice.mask(), workload).weightsAndKv(),
          memory.denseUse(workload).weightsAndKv());
    }
    return 0;
  }

  private int[] tokens(String prompt, LoadedModel model) {
    Tokenizer tokenizer = model.tokenizer();
    if (chat) {
      return new Conversation(Conversation.templateOf(model), Optional.empty()).prompt(prompt);
    }
    return tokenizer.around(
        special ? tokenizer.encodeWithSpecial(prompt) : tokenizer.encode(prompt));
  }

  private Reply draw(
      LoadedModel model, MaskOptions.Choice choice, int[] tokens, boolean moves, int context) {
    try (Engine engine = new Engine(model.backend(), Engine.Options.single(context))) {
      LiveText text = new LiveText(console);
      Consumer<String> pieces = report.json() ? piece -> {} : text;
      Reply.Request request =
          new Reply.Request(generation.sampling(0), maxTokens, generation.stops());
      Reply reply;
      if (moves) {
        ElasticOptions.Run run = elastic.new Run(model, engine, masks, console);
        reply = Reply.draw(engine, run::step, model.tokenizer(), tokens, request, pieces);
        run.end();
      } else {
        choice.apply(engine);
        reply =
            Reply.draw(engine, drawn -> engine.step(), model.tokenizer(), tokens, request, pieces);
      }
      text.end();
      return reply;
    }
  }

  private void print(Reply reply, long retainedBytes, long denseBytes) {
    console
        .err()
        .printf(
            Locale.ROOT,
            "rap: %d prompt tokens, %.1f/s; %d tokens, %.1f/s; ended by %s%n",
            reply.promptTokens(),
            reply.promptTokensPerSecond(),
            reply.tokens(),
            reply.tokensPerSecond(),
            reply.finishReason());
    report.print(
        console,
        new Figures(
            reply.text(),
            reply.promptTokens(),
            reply.tokens(),
            reply.finishReason(),
            reply.promptTokensPerSecond(),
            reply.tokensPerSecond(),
            retainedBytes,
            denseBytes),
        out -> {});
  }
}
