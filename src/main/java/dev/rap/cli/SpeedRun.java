package dev.rap.cli;

import dev.rap.engine.Engine;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Prompts and what follows them through the engine, timed once.
 *
 * @param prefillTokensPerSecond until every sequence has drawn its first token; those that are
 *     ahead go on meanwhile, and their tokens count
 * @param decodeTokensPerSecond from then on, all sequences together
 */
record SpeedRun(double prefillTokensPerSecond, double decodeTokensPerSecond) {

  /**
   * Runs all prompts at once.
   *
   * @param prompts of at most 256 sequences
   * @param decodeSteps tokens that every sequence draws after all have begun
   */
  static SpeedRun measure(Engine engine, int[][] prompts, int decodeSteps) {
    List<Sequence> sequences = new ArrayList<>();
    for (int[] prompt : prompts) {
      sequences.add(
          engine.submit(prompt, SamplingOptions.GREEDY, engine.contextLength(), Set.of()));
    }
    try {
      long start = System.nanoTime();
      long prefilled = 0;
      while (sequences.stream().anyMatch(s -> s.length() == s.promptTokens())) {
        prefilled += engine.step();
      }
      long begun = System.nanoTime();
      long decoded = 0;
      for (int i = 0; i < decodeSteps; i++) {
        decoded += engine.step();
      }
      long end = System.nanoTime();
      return new SpeedRun(prefilled / ((begun - start) / 1e9), decoded / ((end - begun) / 1e9));
    } finally {
      sequences.forEach(engine::cancel);
    }
  }

  /**
   * {@return most tokens of a sequence in {@link #measure}}
   *
   * <p>While the last prompts are read, at least 256 of their tokens a step, the first sequences
   * draw a token a step.
   */
  static long contextLength(int sequences, int prefillTokens, int decodeSteps) {
    long ahead = Math.ceilDiv((long) sequences * prefillTokens, 256) + 1;
    return prefillTokens + ahead + decodeSteps + 1;
  }
}
