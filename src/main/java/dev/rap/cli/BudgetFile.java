package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.memory.MemoryBudget;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A file with a memory budget, which is looked at again and again. What two looks in a row find
 * counts: others may be writing it.
 */
final class BudgetFile {
  private static final double SECONDS = 0.1; // between looks
  private static final int MOST_BYTES = 64;

  private final Path path;
  private final long wholeBytes;
  private double lookedSeconds;
  private Found last; // at the last look
  private Found obeyed;

  /**
   * What there is.
   *
   * @param problem why {@code text} is not what the file holds; empty if it is
   */
  private record Found(String text, String problem) {}

  /**
   * @param wholeBytes what 100 % stands for
   */
  BudgetFile(Path path, long wholeBytes) {
    this.path = path;
    this.wholeBytes = wholeBytes;
    this.last = look();
    this.obeyed = last;
  }

  /**
   * {@return the budget that it held from the beginning; none if it was empty}
   *
   * @throws InputException if it is not there, or holds something else
   */
  Optional<MemoryBudget> first() {
    return budget();
  }

  /**
   * {@return the budget, if it has changed}
   *
   * @param now seconds
   * @param err is told once of a file that is no budget any more, which changes nothing
   */
  Optional<MemoryBudget> changed(double now, PrintWriter err) {
    if (now - lookedSeconds < SECONDS) {
      return Optional.empty();
    }
    lookedSeconds = now;
    Found found = look();
    boolean isNew = found.equals(last) && !found.equals(obeyed);
    last = found;
    if (!isNew) {
      return Optional.empty();
    }
    obeyed = found;
    try {
      return budget();
    } catch (InputException e) {
      err.printf("%nrap: %s; the budget stays as it was%n", e.getMessage());
      err.flush();
      return Optional.empty();
    }
  }

  private Optional<MemoryBudget> budget() {
    try {
      if (!obeyed.problem().isEmpty()) {
        throw new InputException(obeyed.problem());
      }
      return obeyed.text().isEmpty()
          ? Optional.empty()
          : Optional.of(MemoryBudget.parse(obeyed.text(), wholeBytes));
    } catch (InputException e) {
      throw new InputException("--budget-file %s: %s".formatted(path, e.getMessage()), e);
    }
  }

  private Found look() {
    if (!Files.isRegularFile(path)) {
      return new Found("", "there is no such file");
    }
    try (InputStream in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      return bytes.length > MOST_BYTES
          ? new Found("", "it holds more than a budget such as 60%")
          : new Found(new String(bytes, StandardCharsets.UTF_8).strip(), "");
    } catch (IOException e) {
      return new Found("", "it cannot be read: " + e.getMessage());
    }
  }
}
