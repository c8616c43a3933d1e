package dev.rap.cli;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.model.ModelConfig;
import dev.rap.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Requests that come at given times and are drawn side by side at temperature 1, until all are done
 * or time is up.
 */
final class RequestRun {
  private final List<Request> requests;
  private final List<int[]> prompts;

  /**
   * A line of the file.
   *
   * @param arrival seconds after the beginning
   * @param tokens to draw
   */
  record Request(double arrival, String prompt, int tokens) {}

  /**
   * What came of a request.
   *
   * @param promptTokens how many of {@code tokens} were not drawn
   * @param finishReason in small letters; {@code time} if it had not ended
   * @param firstSeconds from its arrival to its first token; negative if none was drawn
   */
  record Served(int promptTokens, List<Integer> tokens, String finishReason, double firstSeconds) {
    int drawn() {
      return tokens.size() - promptTokens;
    }
  }

  /**
   * The figures of {@code --json}.
   *
   * @param wholeBytes that are held with nothing given up
   * @param drawn tokens of all requests
   * @param refused requests for which there was no memory
   * @param unfinished requests that waited or ran when time was up
   */
  record Figures(
      long wholeBytes,
      double seconds,
      long drawn,
      long refused,
      long unfinished,
      List<Served> requests) {}

  private RequestRun(List<Request> requests, List<int[]> prompts) {
    this.requests = requests;
    this.prompts = prompts;
  }

  /**
   * {@return the requests of a file, a JSON object {@code {"arrival", "prompt", "tokens"}} a line}
   *
   * @throws InputException if it is none
   */
  static RequestRun read(Path file, Tokenizer tokenizer) {
    JsonMapper mapper = new JsonMapper();
    List<Request> requests = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(file)) {
        requests.add(mapper.readValue(line, Request.class));
        Request last = requests.getLast();
        if (last.prompt() == null || last.prompt().isEmpty() || last.tokens() < 1) {
          throw new InputException(
              "--requests %s, line %d: a request needs a prompt, and tokens of at least 1"
                  .formatted(file, requests.size()));
        }
      }
    } catch (JacksonException e) {
      throw new InputException(
          "--requests %s, line %d is no {\"arrival\": 0.5, \"prompt\": \"...\", \"tokens\": 64}"
              .formatted(file, requests.size() + 1),
          e);
    } catch (IOException e) {
      throw new InputException("--requests %s cannot be read: %s".formatted(file, e), e);
    }
    if (requests.isEmpty()) {
      throw new InputException("--requests %s has no line".formatted(file));
    }
    return new RequestRun(
        requests,
        requests.stream()
            .map(request -> tokenizer.around(tokenizer.encode(request.prompt())))
            .toList());
  }

  /** {@return the tokens of the longest, as far as the model's context reaches} */
  int contextLength(ModelConfig config) {
    return (int)
        IntStream.range(0, requests.size())
            .mapToLong(i -> prompts.get(i).length + (long) requests.get(i).tokens())
            .map(tokens -> Math.min(tokens, config.contextLength()))
            .max()
            .orElseThrow();
  }

  /**
   * Runs the requests.
   *
   * @param whole bytes that are held with nothing given up
   * @param step runs a step of the engine, given how many tokens were drawn so far
   * @param seconds that it may take
   */
  Figures run(Engine engine, long whole, IntConsumer step, double seconds) {
    double[] first = new double[requests.size()];
    List<Sequence> sequences = new ArrayList<>();
    long start = System.nanoTime();
    double now = 0;
    while (now < seconds && (sequences.size() < requests.size() || engine.busy())) {
      submitDue(engine, sequences, now);
      step.accept(drawn(sequences));
      now = (System.nanoTime() - start) / 1e9;
      for (int i = 0; i < sequences.size(); i++) {
        if (first[i] == 0 && sequences.get(i).length() > sequences.get(i).promptTokens()) {
          first[i] = now;
        }
      }
    }
    List<Served> served = new ArrayList<>();
    for (int i = 0; i < sequences.size(); i++) {
      served.add(served(sequences.get(i), first[i] - requests.get(i).arrival()));
    }
    sequences.forEach(engine::cancel);
    return figures(whole, now, served);
  }

  // Those that come later than the time that there is are none of this run's.
  private void submitDue(Engine engine, List<Sequence> sequences, double now) {
    for (int i = sequences.size(); i < requests.size() && requests.get(i).arrival() <= now; i++) {
      SamplingOptions sampling = new SamplingOptions(1, 0, 1, 0, 1, i);
      sequences.add(engine.submit(prompts.get(i), sampling, requests.get(i).tokens(), Set.of()));
    }
  }

  private static int drawn(List<Sequence> sequences) {
    return sequences.stream().mapToInt(s -> s.length() - s.promptTokens()).sum();
  }

  private static Served served(Sequence sequence, double firstSeconds) {
    List<Integer> tokens =
        IntStream.range(0, sequence.length()).map(sequence::token).boxed().toList();
    boolean hasEnded = sequence.status() == Sequence.Status.FINISHED;
    String reason = hasEnded ? sequence.finishReason().name().toLowerCase(Locale.ROOT) : "time";
    boolean hasBegun = tokens.size() > sequence.promptTokens();
    return new Served(sequence.promptTokens(), tokens, reason, hasBegun ? firstSeconds : -1);
  }

  private static Figures figures(long whole, double seconds, List<Served> served) {
    return new Figures(
        whole,
        seconds,
        served.stream().mapToLong(Served::drawn).sum(),
        served.stream().filter(one -> one.finishReason().equals("memory")).count(),
        served.stream().filter(one -> one.finishReason().equals("time")).count(),
        served);
  }

  /** Prints the figures for people. */
  static void print(PrintWriter out, Figures f) {
    out.printf(
        Locale.ROOT,
        "%,d tokens of %d requests in %.1f s, %d refused, %d not at their end; %s at most%n",
        f.drawn(),
        f.requests().size(),
        f.seconds(),
        f.refused(),
        f.unfinished(),
        Bytes.text(f.wholeBytes()));
  }
}
