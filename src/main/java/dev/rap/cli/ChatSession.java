package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.tokenizer.Tokenizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Reads one turn a line and answers it, until the input ends. */
final class ChatSession {
  private static final String HELP =
      """
      /reset   forget what was said
      /budget  what memory is held; /budget 60% or /budget 1.2GB says what may be from now on
      /quit    end, as Ctrl-D does
      /help    this list
      """;

  // At least this share of the context is kept for a reply, if it may be so long.
  private static final int REPLY_SHARE = 4;

  private final Console console;
  private final Engine engine;
  private final ChatBudget budget;
  private final Tokenizer tokenizer;
  private final Conversation conversation;
  private final Settings settings;
  private int replies;

  /**
   * What the user asked for.
   *
   * @param maxTokens of a reply
   */
  record Settings(GenerationOptions generation, int maxTokens, ReportOption report) {}

  ChatSession(
      Console console,
      Engine engine,
      ChatBudget budget,
      Tokenizer tokenizer,
      Conversation conversation,
      Settings settings) {
    this.console = console;
    this.engine = engine;
    this.budget = budget;
    this.tokenizer = tokenizer;
    this.conversation = conversation;
    this.settings = settings;
  }

  /**
   * The figures of {@code --json}, a document a turn.
   *
   * @param promptTokens all that was said so far
   * @param forgottenTurns dropped for this one, since the context was full
   */
  private record Figures(
      String reply,
      int promptTokens,
      int tokens,
      String finishReason,
      double promptTokensPerSecond,
      double tokensPerSecond,
      int forgottenTurns) {}

  /** {@return whether every turn was answered} */
  boolean run() throws IOException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8));
    boolean allAnswered = true;
    while (true) {
      ask();
      String line = in.readLine();
      if (line == null) {
        if (console.inTerminal()) {
          console.err().println();
        }
        return allAnswered;
      }
      String said = line.strip();
      switch (said) {
        case "" -> {}
        case "/quit" -> {
          return allAnswered;
        }
        case "/reset" -> conversation.clear();
        case "/help" -> console.err().print(HELP);
        default -> allAnswered &= answer(said);
      }
    }
  }

  private void ask() {
    if (console.inTerminal()) {
      console.err().print("> ");
      console.err().flush();
    }
  }

  private boolean answer(String said) {
    try {
      if (said.matches("/budget(\\s.*)?")) {
        String bytes = said.substring("/budget".length()).strip();
        note(bytes.isEmpty() ? budget.state() : budget.set(bytes));
        return true;
      }
      if (said.matches("/[a-z]+")) {
        throw new InputException("there is no command %s, /help lists them".formatted(said));
      }
      return answerTurn(said);
    } catch (InputException e) { // no budget, or refused by the template: the talk goes on
      note(e.getMessage());
      return false;
    }
  }

  private boolean answerTurn(String said) {
    int forgotten = 0;
    int[] prompt = conversation.prompt(said);
    int room = Math.min(settings.maxTokens(), engine.contextLength() / REPLY_SHARE);
    while (prompt.length + room > engine.contextLength() && conversation.forgetOldest()) {
      forgotten++;
      prompt = conversation.prompt(said);
    }
    if (forgotten > 0) {
      note(
          "the context of %d tokens is full: the oldest %s forgotten"
              .formatted(
                  engine.contextLength(), forgotten == 1 ? "turn was" : forgotten + " turns were"));
    }
    if (prompt.length >= engine.contextLength()) {
      note(
          "this makes a prompt of %d tokens, and the context holds %d with the reply: say it shorter, or raise --context"
              .formatted(prompt.length, engine.contextLength()));
      return false;
    }
    reply(said, prompt, forgotten);
    return true;
  }

  private void reply(String said, int[] prompt, int forgotten) {
    LiveText text = new LiveText(console);
    Consumer<String> pieces = settings.report().json() ? piece -> {} : text;
    GenerationOptions generation = settings.generation();
    Reply.Request request =
        new Reply.Request(generation.sampling(replies++), settings.maxTokens(), generation.stops());
    Reply reply = Reply.draw(engine, budget::step, tokenizer, prompt, request, pieces);
    text.end();
    conversation.add(said, reply.text());
    if (reply.finishReason().equals("context")) {
      note("the context is full: the reply ends here");
    }
    settings
        .report()
        .print(
            console,
            new Figures(
                reply.text(),
                reply.promptTokens(),
                reply.tokens(),
                reply.finishReason(),
                reply.promptTokensPerSecond(),
                reply.tokensPerSecond(),
                forgotten),
            out -> {});
  }

  private void note(String sentence) {
    console.err().println("rap: " + sentence);
  }
}
