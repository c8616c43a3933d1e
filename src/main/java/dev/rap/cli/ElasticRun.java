package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.engine.SamplingOptions;
import dev.rap.model.MaskShape;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * What it costs to give memory back and to take it again while sequences decode: random channel
 * blocks of all layers leave, and come back.
 */
final class ElasticRun {
  private static final int STEPS = 200;
  private static final int MOST_STEPS = 100_000; // until memory has followed

  private final Engine engine;
  private final RetentionMask dense;
  private final RetentionMask pruned;

  /**
   * How long steps took.
   *
   * @param medianMillis of one
   * @param p99Millis of one
   * @param longestMillis of one
   */
  record Steps(int count, double medianMillis, double p99Millis, double longestMillis) {
    static Steps of(List<Long> nanos) {
      double[] sorted = nanos.stream().mapToDouble(n -> n / 1e6).sorted().toArray();
      return new Steps(
          sorted.length,
          sorted[sorted.length / 2],
          sorted[Math.min(sorted.length - 1, sorted.length * 99 / 100)],
          sorted[sorted.length - 1]);
    }
  }

  /**
   * Memory given back, and taken again.
   *
   * @param dropNanos of {@link System#nanoTime} when it was decided to give it back
   * @param returnNanos of {@link System#nanoTime} when it was decided to take it again
   */
  record Change(
      long bytes,
      long dropNanos,
      double dropMillis,
      Steps dropping,
      Steps pruned,
      long returnNanos,
      double returnMillis,
      Steps returning) {}

  /**
   * The figures of {@code --json}.
   *
   * @param changes one after the other
   * @param leftBytes held at the end beyond what was held before them
   */
  record Figures(int sequences, Steps dense, List<Change> changes, long leftBytes) {}

  /**
   * @param share of the channel blocks that leave, in (0, 1)
   */
  ElasticRun(Engine engine, MaskShape shape, double share) {
    this.engine = engine;
    this.dense = RetentionMask.dense(shape);
    SplittableRandom random = new SplittableRandom(0);
    RetentionMask mask = dense;
    for (int layer = 0; layer < shape.layers(); layer++) {
      BitSet kept = new BitSet();
      kept.set(0, shape.channelBlocks());
      int drop = (int) Math.round(share * shape.channelBlocks());
      while (shape.channelBlocks() - kept.cardinality() < drop) {
        kept.clear(random.nextInt(shape.channelBlocks()));
      }
      mask = mask.with(new Sublayer(layer, Sublayer.Kind.FEED_FORWARD), kept);
    }
    this.pruned = mask;
  }

  /**
   * Runs all changes.
   *
   * @param prompts one a sequence
   */
  Figures run(int[][] prompts, int changes, Progress progress) {
    for (int[] prompt : prompts) {
      engine.submit(prompt, SamplingOptions.GREEDY, Integer.MAX_VALUE, Set.of());
    }
    while (engine.demand().tokens() < (long) prompts.length * (prompts[0].length + 2)) {
      engine.step();
    }
    steps(STEPS); // until compilers and caches are warm
    engine.reclaim(); // takes what it needs to bring units back
    Steps before = steps(STEPS);
    long held = engine.held().total();
    List<Change> done = new ArrayList<>();
    for (int i = 0; i < changes; i++) {
      done.add(change());
      progress.at(i + 1);
    }
    return new Figures(prompts.length, before, done, engine.held().total() - held);
  }

  private Change change() {
    long held = engine.held().total();
    long dropped = System.nanoTime();
    engine.setMask(pruned, Optional.empty());
    engine.reclaim();
    Steps dropping = stepsUntilSettled(dropped, false);
    double dropMillis = (System.nanoTime() - dropped) / 1e6;
    long bytes = held - engine.held().total();
    Steps small = steps(STEPS);
    long returned = System.nanoTime();
    Steps returning = stepsUntilSettled(returned, true);
    double returnMillis = (System.nanoTime() - returned) / 1e6;
    return new Change(
        bytes, dropped, dropMillis, dropping, small, returned, returnMillis, returning);
  }

  private Steps steps(int count) {
    List<Long> nanos = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long start = System.nanoTime();
      step();
      nanos.add(System.nanoTime() - start);
    }
    return Steps.of(nanos);
  }

  private void step() {
    if (engine.step() == 0) {
      throw new InputException(
          "the context of %d tokens is full: ask for fewer changes or a shorter --prefill"
              .formatted(engine.contextLength()));
    }
  }

  private Steps stepsUntilSettled(long decided, boolean returns) {
    List<Long> nanos = new ArrayList<>();
    long start = decided;
    for (int i = 0; i < MOST_STEPS; i++) {
      if (returns && engine.prefetch(dense)) {
        engine.setMask(dense, Optional.empty());
        return Steps.of(nanos);
      }
      step();
      long end = System.nanoTime();
      nanos.add(end - start);
      start = end;
      if (!returns && engine.isSettled()) {
        return Steps.of(nanos);
      }
    }
    throw new InputException(
        "memory does not follow within %,d steps: is the device full?".formatted(MOST_STEPS));
  }

  /** {@return the figures as a table} */
  static Table table(Figures f) {
    Table table = new Table("", "bytes", "all after", "step median", "p99", "longest");
    row(table, "dense", "", "", f.dense());
    for (Change change : f.changes()) {
      String bytes = Bytes.text(change.bytes());
      row(table, "given back", bytes, millis(change.dropMillis()), change.dropping());
      row(table, "pruned", "", "", change.pruned());
      row(table, "taken again", bytes, millis(change.returnMillis()), change.returning());
    }
    return table;
  }

  private static void row(Table table, String name, String bytes, String after, Steps steps) {
    table.row(
        name,
        bytes,
        after,
        millis(steps.medianMillis()),
        millis(steps.p99Millis()),
        millis(steps.longestMillis()));
  }

  private static String millis(double millis) {
    return String.format(Locale.ROOT, "%.2f ms", millis);
  }
}
