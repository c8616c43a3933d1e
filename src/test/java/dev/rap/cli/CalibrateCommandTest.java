package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.HuggingFaceFolders;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.model.ModelConfig;
import dev.rap.pruning.Profile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrateCommandTest {
  @TempDir private Path folder;
  private Path model;
  private Path text;
  private Path profile;
  private Path begun;

  @BeforeEach
  void writeModelAndText() throws IOException {
    RandomLlama llama = RandomLlama.tiny();
    model =
        GgufFiles.write(
            folder.resolve("m.gguf"),
            llama,
            writer -> writer.byteTokenizer(llama.config().vocabularySize()));
    text = Files.writeString(folder.resolve("text.txt"), "a small text that is cut up. ".repeat(8));
    profile = folder.resolve("m.rap");
    begun = folder.resolve("m.rap.part");
  }

  private Captured calibrate() {
    return Captured.run(
        Map.of("HOME", folder.toString()),
        "calibrate",
        model.toString(),
        "--text",
        text.toString(),
        "--window",
        "16",
        "--max-windows",
        "2");
  }

  private Profile measured() {
    Captured run = calibrate();
    assertEquals(0, run.exitCode(), run.err());
    assertFalse(Files.exists(begun));
    return Profile.read(profile);
  }

  private static Profile firstRounds(Profile whole, int rounds) {
    return new Profile(
        whole.modelFingerprint(),
        whole.modelName(),
        whole.calibrationDigest(),
        whole.calibrationTokens(),
        whole.denseLoss(),
        whole.gsi().subList(0, rounds),
        whole.means(),
        List.of(),
        Optional.empty());
  }

  @Test
  void everySublayerGoesOnce() {
    Profile whole = measured();
    assertEquals(
        whole.sublayers(), whole.gsi().stream().map(round -> round.removed()).distinct().count());
  }

  @Test
  void goesOnFromTheLastFinishedRound() {
    Profile whole = measured();
    firstRounds(whole, 2).write(begun);
    Captured run = calibrate();
    assertTrue(run.err().contains("going on after round 2 of " + whole.sublayers()), run.err());
    assertEquals(whole.digest(), Profile.read(profile).digest());
  }

  @Test
  void whatWasBegunWithAnotherTextIsNotGoneOnWith() throws IOException {
    firstRounds(measured(), 2).write(begun);
    Files.writeString(text, "another text, of other words. ".repeat(8));
    Captured run = calibrate();
    assertEquals(0, run.exitCode(), run.err());
    assertFalse(run.err().contains("going on"), run.err());
  }

  @Test
  void aDamagedBeginningIsBegunAnew() throws IOException {
    Files.writeString(begun, "{\"format\":");
    Captured run = calibrate();
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.err().contains("beginning anew"), run.err());
  }

  @Test
  void aProfileThatCannotBeWrittenLosesNoRound() throws IOException {
    Files.createDirectory(profile);
    Files.writeString(profile.resolve("in the way"), "");
    Captured run = calibrate();
    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("cannot be written"), run.err());
    assertEquals(Profile.read(begun).sublayers(), Profile.read(begun).gsi().size());
    try (var files = Files.list(folder)) {
      assertEquals(
          List.of("m.gguf", "m.rap", "m.rap.part", "text.txt"),
          files
              .map(file -> file.getFileName().toString())
              .filter(n -> !n.startsWith("."))
              .sorted()
              .toList());
    }
  }

  // The byte 0xc3 is a token above 100 in either order of the byte vocabulary.
  @Test
  void aTextWithTokensThatTheModelDoesNotKnowIsRefused() throws IOException {
    ModelConfig known = RandomLlama.config("small", 2, 64, 4, 2, 32, 96, 100, 256);
    Path small =
        HuggingFaceFolders.write(
            Files.createDirectories(folder.resolve("hf")), RandomLlama.tiny().with(known));
    HuggingFaceFolders.writeByteTokenizer(small, 288);
    Files.writeString(text, "\u00e9\u00e9\u00e9");
    Captured run =
        Captured.run(
            Map.of("HOME", folder.toString()),
            "perplexity",
            small.toString(),
            "--text",
            text.toString());
    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("but the model knows 100"), run.err());
    assertEquals("", run.out());
  }
}
