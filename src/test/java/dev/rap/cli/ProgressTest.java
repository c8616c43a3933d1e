package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private long nanos;

  private void seconds(double seconds) {
    nanos = (long) (seconds * 1e9);
  }

  @Test
  void whereNobodyWatchesThereIsALineForAboutEachTenth() {
    Captured captured = new Captured(Map.of(), false);
    try (Progress progress =
        new Progress(captured.console(), "task", 0, 200, Progress.Unit.STEPS, () -> nanos)) {
      for (int step = 1; step <= 200; step++) {
        seconds(step);
        progress.at(step);
      }
    }
    List<String> lines = captured.err().lines().toList();
    assertEquals(10, lines.size(), captured.err());
    assertEquals("task: 10 %, 20 of 200, 1.0/s, 3 min 0 s left", lines.getFirst());
    assertEquals("task: 90 %, 180 of 200, 1.0/s, 20 s left", lines.get(8));
    assertEquals("task: 200 in 3 min 20 s", lines.getLast());
  }

  @Test
  void aQuickTaskSaysOnlyThatItIsDone() {
    Captured captured = new Captured(Map.of(), false);
    try (Progress progress =
        new Progress(captured.console(), "task", 0, 98_362_432, Progress.Unit.BYTES, () -> nanos)) {
      for (int tenth = 1; tenth <= 10; tenth++) {
        seconds(tenth * 0.05);
        progress.at(98_362_432L * tenth / 10);
      }
    }
    assertEquals("task: 98.4 MB in 1 s, 197 MB/s" + System.lineSeparator(), captured.err());
  }

  @Test
  void whereAPersonWatchesOneLineIsRedrawnTenTimesASecondAtMost() {
    Captured captured = new Captured(Map.of(), true);
    try (Progress progress =
        new Progress(captured.console(), "task", 0, 4, Progress.Unit.STEPS, () -> nanos)) {
      seconds(0.05);
      progress.at(1); // too soon after the start
      seconds(8);
      progress.at(2);
      seconds(16);
    }
    assertEquals(
        "\rtask: 50 %, 2 of 4, 4.0 s each, 8 s left\033[K" + System.lineSeparator(),
        captured.err());
  }

  @Test
  void whatAnEarlierRunDidDoesNotCountInTheRate() {
    Captured captured = new Captured(Map.of(), true);
    Progress progress =
        new Progress(captured.console(), "task", 900, 1000, Progress.Unit.STEPS, () -> nanos);
    seconds(10);
    progress.at(950); // 50 in 10 s
    assertEquals("\rtask: 95 %, 950 of 1000, 5.0/s, 10 s left\033[K", captured.err());
  }

  @Test
  void refusesATaskOfNothing() {
    Captured captured = new Captured(Map.of(), false);
    assertThrows(
        IllegalArgumentException.class,
        () -> new Progress(captured.console(), "task", 0, Progress.Unit.STEPS));
  }

  @Test
  void durationsAreSaidAsPeopleSayThem() {
    assertEquals("59 s", Progress.duration(59.4));
    assertEquals("1 min 0 s", Progress.duration(59.5));
    assertEquals("59 min 59 s", Progress.duration(3599));
    assertEquals("2 h 5 min", Progress.duration(2 * 3600 + 5 * 60 + 30));
  }
}
