package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.memory.MemoryBudget;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hundred percent are a thousand bytes here. */
class BudgetFileTest {
  private static final Optional<MemoryBudget> UNCHANGED = Optional.empty();

  @TempDir private Path folder;
  private final StringWriter err = new StringWriter();
  private double now;

  private Path file() {
    return folder.resolve("budget");
  }

  private BudgetFile file(String text) throws IOException {
    return new BudgetFile(Files.writeString(file(), text), 1000);
  }

  private Optional<MemoryBudget> look(BudgetFile file) {
    now += 0.11;
    return file.changed(now, new PrintWriter(err));
  }

  private static Optional<MemoryBudget> bytes(long bytes) {
    return Optional.of(new MemoryBudget(bytes));
  }

  private List<String> complaints() {
    return err.toString().lines().filter(line -> !line.isEmpty()).toList();
  }

  @Test
  void whatIsWrittenIsTakenOnce() throws IOException {
    BudgetFile file = file(" 70%\n");
    assertEquals(bytes(700), file.first());
    assertEquals(UNCHANGED, look(file));
    Files.writeString(file(), "600");
    assertEquals(UNCHANGED, look(file), "it may be being written");
    assertEquals(bytes(600), look(file));
    assertEquals(UNCHANGED, look(file));
    assertEquals(List.of(), complaints());
  }

  @Test
  void itIsLookedAtTenTimesASecond() throws IOException {
    BudgetFile file = file("70%");
    Files.writeString(file(), "60%");
    assertEquals(UNCHANGED, look(file));
    assertEquals(UNCHANGED, file.changed(now + 0.05, new PrintWriter(err)));
    assertEquals(bytes(600), look(file));
  }

  @Test
  void aBudgetThatIsBeingWrittenIsNotTakenForAnother() throws IOException {
    BudgetFile file = file("");
    assertEquals(UNCHANGED, file.first());
    for (String part : new String[] {"8", "80", "80%"}) {
      Files.writeString(file(), part);
      assertEquals(UNCHANGED, look(file));
    }
    assertEquals(bytes(800), look(file));
  }

  @ParameterizedTest
  @ValueSource(strings = {"much", "-1", "0%", "60%\n70%", "\0\0\0", "1e3", "99999999999999TB"})
  void nonsenseIsRefusedAtFirstAndLaterSaidOnce(String nonsense) throws IOException {
    BudgetFile wrong = file(nonsense);
    assertTrue(
        assertThrows(InputException.class, wrong::first)
            .getMessage()
            .startsWith("--budget-file " + file() + ": budget must be a share of the dense model"));
    checkSaidOnce(nonsense, "budget must be");
  }

  private void checkSaidOnce(String text, String problem) throws IOException {
    BudgetFile file = file("70%");
    Files.writeString(file(), text);
    for (int i = 0; i < 5; i++) {
      assertEquals(UNCHANGED, look(file));
    }
    assertTrue(complaints().getFirst().contains(problem), err.toString());
    assertTrue(complaints().getLast().endsWith("; the budget stays as it was"), err.toString());
    long written = err.toString().length();
    Files.writeString(file(), "50%");
    look(file);
    assertEquals(bytes(500), look(file), "and then it is a budget again");
    assertEquals(written, err.toString().length());
  }

  @Test
  void aHugeFileIsNotReadToItsEnd() throws IOException {
    checkSaidOnce(" ".repeat(1 << 20), "it holds more than a budget such as 60%");
  }

  @Test
  void aFileThatVanishesLeavesTheBudget() throws IOException {
    BudgetFile file = file("70%");
    Files.delete(file());
    for (int i = 0; i < 5; i++) {
      assertEquals(UNCHANGED, look(file));
    }
    assertEquals(
        List.of(
            "rap: --budget-file %s: there is no such file; the budget stays as it was"
                .formatted(file())),
        complaints());
    Files.writeString(file(), "40%");
    look(file);
    assertEquals(bytes(400), look(file));
  }

  @Test
  void whatIsNoFileIsRefused() {
    BudgetFile none = new BudgetFile(folder, 1000);
    assertEquals(
        "--budget-file %s: there is no such file".formatted(folder),
        assertThrows(InputException.class, none::first).getMessage());
  }
}
