package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user may well type, paste or pipe, and no program likes. A token is a byte here. */
@Timeout(60)
class OddInputTest {
  private static final int MILLION = 1_000_000;

  @TempDir private Path folder;

  private Captured run(String input, String command, Path model, String... args) {
    List<String> all = new ArrayList<>(List.of(command, model.toString()));
    all.addAll(List.of(args));
    return Captured.runWithInput(
        Map.of("HOME", folder.toString()), input, all.toArray(String[]::new));
  }

  private Path alphabet() {
    return ChainModel.write(folder.resolve("alphabet.gguf"));
  }

  private Path chatModel() {
    return ChainModel.writeChat(folder.resolve("chat.gguf"));
  }

  private int promptTokens(String prompt) throws IOException {
    Captured run = run("", "generate", alphabet(), "-p", prompt, "--max-tokens", "3", "--json");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("bcd", new ObjectMapper().readTree(run.out()).get("text").asText());
    return new ObjectMapper().readTree(run.out()).get("promptTokens").asInt();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", " ", "é", "\n", "\0", "\ud83d\ude00"})
  void aPromptOfAMillionCharactersIsRefusedInASentence(String character) throws IOException {
    String prompt = character.repeat(MILLION);
    Path file = Files.writeString(folder.resolve("prompt.txt"), prompt + "x");
    Captured run = run("", "generate", alphabet(), "--prompt-file", file.toString());
    assertEquals(1, run.exitCode());
    assertEquals("", run.out());
    assertEquals(1, run.err().lines().count(), run.err());
    int bytes = prompt.getBytes(StandardCharsets.UTF_8).length + 1;
    assertTrue(run.err().contains(" " + bytes + " tokens"), run.err());
  }

  @Test
  void aMessageOfAMillionCharactersIsRefusedAndTheConversationGoesOn() {
    Captured run = run("x".repeat(MILLION) + "\nhello\n", "chat", chatModel());
    assertEquals(1, run.exitCode());
    assertEquals("Hi" + System.lineSeparator(), run.out());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains("say it shorter, or raise --context"), run.err());
  }

  @Test
  void zeroBytesAreTextLikeAny() throws IOException {
    assertEquals(4, promptTokens("\0\0\0a"));
  }

  // U+FFFD, which is EF BF BD, takes the place of what no UTF-8 can say.
  @Test
  void halvesOfSurrogatePairsAreReplaced() throws IOException {
    assertEquals(4, promptTokens("\ud83da"));
    assertEquals(4, promptTokens("\ude00a"));
    assertEquals(7, promptTokens("\ude00\ud83da"));
    assertEquals(5, promptTokens("\ud83d\ude00a"));
  }

  @Test
  void emptyMessagesAreNoTurns() {
    Captured run = run("\n \n\t\nhello\n\n", "chat", chatModel());
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("Hi" + System.lineSeparator(), run.out());
  }

  @Test
  void anEmptyPromptIsRefused() {
    Captured run = run("", "generate", alphabet(), "-p", "");
    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("the prompt is empty"), run.err());
  }

  @Test
  void aContextThatFillsUpEndsTheTextAndIsNamed() {
    Captured run =
        run("", "generate", alphabet(), "-p", "a", "--context", "5", "--max-tokens", "9");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("bcde" + System.lineSeparator(), run.out());
    assertTrue(run.err().contains("ended by context"), run.err());
  }
}
