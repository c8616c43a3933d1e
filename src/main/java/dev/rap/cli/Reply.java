package dev.rap.cli;

import dev.rap.engine.Engine;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.engine.TextStream;
import dev.rap.tokenizer.Tokenizer;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * What a model made of a prompt.
 *
 * @param text up to the end token or stop string
 * @param tokens that were drawn, an end token included
 * @param finishReason {@code end}, {@code length}, {@code context} or {@code stop}
 * @param promptSeconds until the first token was drawn
 * @param decodeSeconds from then on
 */
record Reply(
    String text,
    int promptTokens,
    int tokens,
    String finishReason,
    double promptSeconds,
    double decodeSeconds) {

  /** How a text is drawn and where it ends. */
  record Request(SamplingOptions sampling, int maxTokens, List<String> stops) {}

  /**
   * {@return the reply, drawn to its end}
   *
   * @param step runs a step of the engine, given how many tokens were drawn so far
   * @param pieces is handed the text as it comes
   * @throws dev.rap.InputException if the prompt does not fit into the context
   */
  static Reply draw(
      Engine engine,
      IntConsumer step,
      Tokenizer tokenizer,
      int[] prompt,
      Request request,
      Consumer<String> pieces) {
    long start = System.nanoTime();
    Sequence sequence =
        engine.submit(prompt, request.sampling(), request.maxTokens(), tokenizer.endTokens());
    TextStream stream = new TextStream(tokenizer, request.stops());
    StringBuilder text = new StringBuilder();
    Consumer<String> show =
        piece -> {
          text.append(piece);
          pieces.accept(piece);
        };
    int seen = sequence.promptTokens();
    long first = start;
    while (sequence.status() != Sequence.Status.FINISHED) {
      step.accept(seen - sequence.promptTokens());
      if (seen < sequence.length()) {
        first = seen == sequence.promptTokens() ? System.nanoTime() : first;
        show.accept(stream.accept(sequence.token(seen++)));
      }
      if (stream.stopped()) {
        engine.cancel(sequence);
      }
    }
    show.accept(stream.flush());
    return new Reply(
        text.toString(),
        sequence.promptTokens(),
        sequence.length() - sequence.promptTokens(),
        stream.stopped() ? "stop" : sequence.finishReason().name().toLowerCase(Locale.ROOT),
        (first - start) / 1e9,
        (System.nanoTime() - first) / 1e9);
  }

  /** {@return prompt tokens a second} */
  double promptTokensPerSecond() {
    return promptTokens / promptSeconds;
  }

  /** {@return tokens a second after the first; 0 if there was but one} */
  double tokensPerSecond() {
    return tokens < 2 ? 0 : (tokens - 1) / decodeSeconds;
  }
}
