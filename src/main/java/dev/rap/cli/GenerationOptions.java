package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.SamplingOptions;
import dev.rap.model.ModelConfig;
import java.util.List;
import picocli.CommandLine.Option;

/** How tokens are drawn, and what ends a text before its time. */
final class GenerationOptions {
  private static final int DEFAULT_CONTEXT = 4096;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "Divides the logits: lower is safer, 0 always takes the likeliest token. Default:"
              + " ${DEFAULT-VALUE}.")
  private double temperature = 0.8;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draw from the K likeliest tokens; 0 for all. Default: ${DEFAULT-VALUE}.")
  private int topK = 40;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "Draw from the likeliest tokens that have this probability together; 1 for all. Default:"
              + " ${DEFAULT-VALUE}.")
  private double topP = 0.95;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description =
          "Draw from tokens at least this likely, relative to the likeliest; 0 for all. Default:"
              + " ${DEFAULT-VALUE}.")
  private double minP = 0.05;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description =
          "Divides positive logits of tokens that occurred, multiplies negative ones; 1 for none."
              + " Default: ${DEFAULT-VALUE}.")
  private double repetitionPenalty = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the draws: the same seed draws the same text. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "End where this text would come, which is left out. May be given repeatedly.")
  private List<String> stops = List.of();

  @Option(
      names = "--context",
      paramLabel = "N",
      description =
          "Most tokens of prompt and text together. Default: the model's context, at most "
              + DEFAULT_CONTEXT
              + ".")
  private Integer context;

  /**
   * Refuses values that are out of range, with their flag.
   *
   * @throws InputException if there are any
   */
  void check() {
    require("--temperature", "in [0, 100]", temperature >= 0 && temperature <= 100, temperature);
    require("--top-k", "0 or more", topK >= 0, topK);
    require("--top-p", "in (0, 1]", topP > 0 && topP <= 1, topP);
    require("--min-p", "in [0, 1]", minP >= 0 && minP <= 1, minP);
    boolean penalty = repetitionPenalty > 0 && repetitionPenalty <= 100;
    require("--repetition-penalty", "in (0, 100]", penalty, repetitionPenalty);
    require("--context", "at least 2", context == null || context >= 2, context);
    require("--stop", "some text", stops.stream().noneMatch(String::isEmpty), "empty");
  }

  /** Refuses the value of a flag if it is not {@code ok}. */
  static void require(String flag, String range, boolean ok, Object value) {
    if (!ok) {
      throw new InputException("%s must be %s, was %s".formatted(flag, range, value));
    }
  }

  /**
   * {@return how tokens are drawn}
   *
   * @param texts drawn before, each of which moves the seed by one
   */
  SamplingOptions sampling(int texts) {
    return new SamplingOptions(temperature, topK, topP, minP, repetitionPenalty, seed + texts);
  }

  List<String> stops() {
    return stops;
  }

  /**
   * {@return most tokens of a sequence}
   *
   * @throws InputException if the model was not made for so many
   */
  int context(ModelConfig config) {
    int most = config.contextLength();
    if (context == null) {
      return Math.min(most, DEFAULT_CONTEXT);
    }
    require("--context", "at most %d, the model's".formatted(most), context <= most, context);
    return context;
  }
}
