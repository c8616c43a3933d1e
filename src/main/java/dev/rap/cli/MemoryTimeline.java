package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.memory.MemoryUse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What memory was held for, over time. */
final class MemoryTimeline {
  private static final int BAR = 48; // characters of a line for all that was ever held
  private static final double LINE_SECONDS = 0.2; // between lines, where nothing is decided

  private final Console console;
  private final long denseBytes;
  private final List<Double> seconds = new ArrayList<>();
  private final List<List<Double>> megabytes = // weights; and KV; and workspace; budget
      List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
  private double lastLine = -1;

  /**
   * @param denseBytes that are held with everything retained
   */
  MemoryTimeline(Console console, long denseBytes) {
    this.console = console;
    this.denseBytes = denseBytes;
  }

  /** Notes what is held now, and shows it where a person watches. */
  void add(double now, MemoryUse held, long budgetBytes) {
    long[] bytes = {
      held.weights(), held.weights() + held.kv(), held.total(), Math.min(budgetBytes, denseBytes)
    };
    seconds.add(now);
    for (int i = 0; i < bytes.length; i++) {
      megabytes.get(i).add(bytes[i] / 1e6);
    }
    if (console.errTerminal() && now - lastLine >= LINE_SECONDS) {
      lastLine = now;
      console.err().println(line(now, held, budgetBytes));
      console.err().flush();
    }
  }

  private String line(double now, MemoryUse held, long budgetBytes) {
    int weights = characters(held.weights());
    int kv = characters(held.weights() + held.kv()) - weights;
    int workspace = characters(held.total()) - weights - kv;
    StringBuilder bar =
        new StringBuilder(
            "#".repeat(weights) + "k".repeat(kv) + "w".repeat(workspace) + " ".repeat(BAR));
    bar.setLength(BAR + 1);
    bar.setCharAt(Math.min(BAR, characters(Math.min(budgetBytes, denseBytes))), '|');
    return String.format(
        Locale.ROOT,
        "%6.2f s  %s  weights # %s, KV k %s, workspace w %s, budget | %s",
        now,
        bar,
        Bytes.text(held.weights()),
        Bytes.text(held.kv()),
        Bytes.text(held.workspace()),
        Bytes.text(Math.min(budgetBytes, denseBytes)));
  }

  private int characters(long bytes) {
    return Math.clamp(Math.round((double) bytes / denseBytes * BAR), 0, BAR);
  }

  /** Writes all of it as a PNG. */
  void plot(Path file) {
    new Plot("memory held while the text went on", "seconds", "MB")
        .fromZero()
        .curve("weights", seconds, megabytes.get(0), false)
        .curve("and KV", seconds, megabytes.get(1), false)
        .curve("and workspace", seconds, megabytes.get(2), false)
        .curve("budget", seconds, megabytes.get(3), false)
        .write(file);
  }
}
