package dev.rap.cli;

import dev.rap.Bytes;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * How far a long task is, on standard error: percent, rate, time left. One line that is redrawn
 * where a person watches, else a line about every tenth of the way.
 *
 * <p>Confined to one thread. Close it when the task ends, finished or not.
 */
final class Progress implements AutoCloseable {
  private static final long REDRAW_NANOS = 100_000_000;
  private static final long LINE_NANOS = 1_000_000_000;

  /** What is counted. */
  enum Unit {
    BYTES,
    STEPS
  }

  private final Console console;
  private final String task;
  private final long total;
  private final Unit unit;
  private final LongSupplier nanoTime;
  private final long startNanos;
  private final long startedAt;

  private long done;
  private long shownNanos;
  private long shownTenth;
  private boolean lineIsOpen;

  Progress(Console console, String task, long total, Unit unit) {
    this(console, task, 0, total, unit, System::nanoTime);
  }

  /**
   * Shows {@code task} from {@code startedAt}, what an earlier run had done, to {@code total}.
   *
   * @param task a word or two
   * @param startedAt not counted in the rate
   */
  Progress(
      Console console, String task, long startedAt, long total, Unit unit, LongSupplier nanoTime) {
    if (total < 1 || startedAt < 0 || startedAt > total) {
      throw new IllegalArgumentException(
          "need 0 <= startedAt <= total and total > 0, were %d and %d".formatted(startedAt, total));
    }
    this.console = console;
    this.task = task;
    this.total = total;
    this.unit = unit;
    this.nanoTime = nanoTime;
    this.startedAt = startedAt;
    this.done = startedAt;
    this.startNanos = nanoTime.getAsLong();
    this.shownNanos = startNanos;
    this.shownTenth = tenths();
  }

  /** Says that a share of the total is done. */
  void share(double done) {
    at(Math.round(done * total));
  }

  /** Says that {@code done} of the total are done. */
  void at(long done) {
    this.done = Math.clamp(done, this.done, total);
    long now = nanoTime.getAsLong();
    if (console.errTerminal()) {
      if (now - shownNanos >= REDRAW_NANOS) {
        draw(now);
      }
    } else {
      long tenth = tenths();
      if (tenth > shownTenth && tenth < 10 && now - shownNanos >= LINE_NANOS) {
        shownTenth = tenth;
        shownNanos = now;
        console.err().println(line(now));
      }
    }
  }

  private long tenths() {
    return (long) (10.0 * done / total);
  }

  private void draw(long now) {
    shownNanos = now;
    lineIsOpen = true;
    console.err().print("\r" + line(now) + "\033[K");
    console.err().flush();
  }

  private String line(long now) {
    double seconds = (now - startNanos) / 1e9;
    double rate = (done - startedAt) / seconds;
    String left = rate > 0 ? ", " + duration((total - done) / rate) + " left" : "";
    return "%s: %d %%, %s of %s%s%s"
        .formatted(
            task, (long) (100.0 * done / total), count(done), count(total), rateText(rate), left);
  }

  private String count(long n) {
    return unit == Unit.BYTES ? Bytes.text(n) : Long.toString(n);
  }

  private String rateText(double rate) {
    if (!(rate > 0) || !Double.isFinite(rate)) {
      return "";
    }
    if (unit == Unit.BYTES) {
      return ", " + Bytes.text((long) rate) + "/s";
    }
    return rate >= 1
        ? String.format(Locale.ROOT, ", %.1f/s", rate)
        : String.format(Locale.ROOT, ", %.1f s each", 1 / rate);
  }

  /** {@return {@code seconds} as people say it, such as {@code 45 s} or {@code 2 h 5 min}} */
  static String duration(double seconds) {
    long whole = Math.round(Math.min(seconds, 1e9));
    if (whole < 60) {
      return whole + " s";
    }
    if (whole < 3600) {
      return "%d min %d s".formatted(whole / 60, whole % 60);
    }
    return "%d h %d min".formatted(whole / 3600, whole % 3600 / 60);
  }

  /** Ends the display: with what was done and how long it took if all is done. */
  @Override
  public void close() {
    if (done == total) {
      double seconds = (nanoTime.getAsLong() - startNanos) / 1e9;
      console
          .err()
          .printf(
              Locale.ROOT,
              "%s%s: %s in %s%s%s%n",
              lineIsOpen ? "\r" : "",
              task,
              count(total - startedAt),
              duration(seconds),
              unit == Unit.BYTES ? rateText((total - startedAt) / seconds) : "",
              lineIsOpen ? "\033[K" : "");
    } else if (lineIsOpen) {
      console.err().println();
    }
  }
}
