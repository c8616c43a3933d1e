package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RapCommandTest {
  @TempDir private Path home;

  private Captured run(String... args) {
    return Captured.run(Map.of("HOME", home.toString()), args);
  }

  private static void assertFails(int exitCode, String sentence, Captured run) {
    assertEquals(sentence + System.lineSeparator(), run.err());
    assertEquals("", run.out());
    assertEquals(exitCode, run.exitCode());
  }

  @Test
  void aloneItPrintsItsHelp() {
    Captured run = run();
    assertEquals(0, run.exitCode());
    assertEquals("", run.err());
    assertTrue(run.out().startsWith("Usage: rap"), run.out());
    assertEquals(run.out(), run("--help").out());
    assertEquals(run.out(), run("help").out());
  }

  @Test
  void everyCommandHasAnEntryInTheHelpAndHelpOfItsOwn() {
    for (String command : new String[] {"pull", "doctor", "help"}) {
      assertTrue(run().out().lines().anyMatch(line -> line.startsWith("  " + command + " ")));
      Captured help = run(command, "--help");
      assertEquals(0, help.exitCode());
      assertTrue(help.out().startsWith("Usage: rap " + command), help.out());
    }
    assertEquals(run("doctor", "--help").out(), run("help", "doctor").out());
  }

  @Test
  void saysItsVersion() {
    Captured run = run("--version");
    assertEquals(0, run.exitCode());
    assertTrue(run.out().matches("rap .* \\(Java \\d+.*\\)\\R"), run.out());
  }

  @Test
  void anUnknownCommandIsWrongUseAndTheLikelyOneIsNamed() {
    assertFails(
        2,
        "rap: there is no command 'docter', did you mean 'doctor'? (see './rap --help')",
        run("docter"));
    assertFails(2, "rap: there is no command 'zzz' (see './rap --help')", run("help", "zzz"));
  }

  @Test
  void anUnknownFlagIsWrongUseAndTheLikelyOneIsNamed() {
    assertFails(
        2,
        "rap: 'rap doctor' has no option '--jsn', did you mean '--json'?"
            + " (see './rap doctor --help')",
        run("doctor", "--jsn"));
  }

  @Test
  void aLackingOrSuperfluousArgumentIsWrongUse() {
    assertFails(
        2, "rap: missing required parameter: 'NAME' (see './rap pull --help')", run("pull"));
    assertFails(
        2, "rap: 'rap pull' has no use for 'b' (see './rap pull --help')", run("pull", "a", "b"));
  }

  @Test
  void aModelThatNobodyPublishedIsAFailure() {
    assertFails(
        1,
        "rap: there is no model 'gpt-7' to pull: name smollm2-135m, or a repository of the hub as OWNER/NAME",
        run("pull", "gpt-7"));
  }

  @Test
  void withoutAHomeThereIsASentence() {
    assertFails(
        1,
        "rap: HOME is not set, so there is no folder for models: set it, or XDG_DATA_HOME",
        Captured.run(Map.of(), "doctor"));
  }

  @Test
  void doctorPrintsATableForPeopleAndADocumentForPrograms() throws IOException {
    Captured table = run("doctor");
    assertEquals(0, table.exitCode(), table.out());
    assertTrue(table.out().contains("note     models         none pulled"), table.out());

    Captured json = run("doctor", "--json");
    assertEquals(1, json.out().lines().count());
    JsonNode document = new ObjectMapper().readTree(json.out());
    assertTrue(document.get("works").asBoolean());
    assertEquals("Java", document.get("checks").get(0).get("name").asText());
    assertEquals("OK", document.get("checks").get(0).get("state").asText());
  }

  @Test
  void doctorFailsWhereTheModelFolderCannotBe() throws IOException {
    Path file = Files.createFile(home.resolve("file"));
    Captured run = Captured.run(Map.of("XDG_DATA_HOME", file.toString()), "doctor");
    assertEquals(1, run.exitCode());
    assertEquals("rap: 1 of the checks found a problem" + System.lineSeparator(), run.err());
    assertTrue(run.out().contains("PROBLEM  model folder"), run.out());
    assertFalse(Files.exists(home.resolve("rap")));
  }
}
