package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model says "Hi" to everything: a prompt in ChatML ends with a line break. */
class ChatCommandTest {
  // <|im_start|> + "user\nhello" + <|im_end|> + "\n", then <|im_start|> + "assistant\n"
  private static final int HELLO = 1 + 10 + 1 + 1;
  private static final int HI = 1 + 12 + 1 + 1;
  private static final int ASSISTANT = 1 + 10;

  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void writeModel() {
    model = ChainModel.writeChat(folder.resolve("chat.gguf"));
  }

  private Captured chat(String input, String... args) {
    List<String> all = new ArrayList<>(List.of("chat", model.toString()));
    all.addAll(List.of(args));
    return Captured.runWithInput(
        Map.of("HOME", folder.toString()), input, all.toArray(String[]::new));
  }

  private List<JsonNode> turns(Captured run) throws IOException {
    List<JsonNode> turns = new ArrayList<>();
    for (String line : run.out().lines().toList()) {
      turns.add(new ObjectMapper().readTree(line));
    }
    return turns;
  }

  private List<Integer> promptTokens(Captured run) throws IOException {
    return turns(run).stream().map(turn -> turn.get("promptTokens").asInt()).toList();
  }

  @Test
  void answersOneTurnALineAndWritesNothingElse() {
    Captured run = chat("hello\n\n  \nagain");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("Hi%nHi%n".formatted(), run.out());
    assertEquals("", run.err());
  }

  @Test
  void everyTurnIsToldWhatWasSaidBefore() throws IOException {
    Captured run = chat("hello\nagain\n", "--json");
    assertEquals(List.of(HELLO + ASSISTANT, HELLO + HI + HELLO + ASSISTANT), promptTokens(run));
    JsonNode last = turns(run).getLast();
    assertEquals("Hi", last.get("reply").asText());
    assertEquals("end", last.get("finishReason").asText());
    assertEquals(3, last.get("tokens").asInt()); // H, i, <|im_end|>
    assertEquals(0, last.get("forgottenTurns").asInt());
  }

  @Test
  void commandsResetAndEndTheConversation() throws IOException {
    Captured run = chat("hello\n/reset\nhello\n/quit\nhello\n", "--json");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals(List.of(HELLO + ASSISTANT, HELLO + ASSISTANT), promptTokens(run));
    assertTrue(chat("/help\n").err().contains("/reset"));
    Captured unknown = chat("/rest\nhello\n");
    assertEquals(
        "rap: there is no command /rest, /help lists them" + System.lineSeparator(), unknown.err());
    assertEquals("Hi" + System.lineSeparator(), unknown.out());
    assertEquals(1, unknown.exitCode());
  }

  @Test
  void theBudgetMovesBetweenTurns() {
    String[] args = {"--policy", "ffn-drop", "--context", "128"};
    Captured run = chat("/budget\nhello\n/budget 70%\nhello\n/budget 100%\nhello\n", args);
    assertEquals(0, run.exitCode(), run.err());
    assertEquals(3, run.out().lines().count());
    assertTrue(run.err().startsWith("rap: "), run.err());
    assertTrue(run.err().contains("held, no budget"), run.err());
    assertTrue(run.err().contains("rap: less memory: "), run.err());
    assertTrue(run.err().contains("rap: more memory: "), run.err());
    Captured none = chat("/budget x\nhello\n");
    assertEquals(1, none.exitCode());
    assertEquals(1, none.err().lines().count(), none.err());
    Captured fixed = chat("/budget 50%\n", "--budget", "90%", "--policy", "ffn-drop");
    assertTrue(fixed.err().contains("exclude each other"), fixed.err());
  }

  // The only feed-forward sublayer is 3 matrices of 32 x 288 in F32; what is held is written with
  // three digits.
  @Test
  void whatAMaskDropsIsGivenBackWhileItTalks() throws IOException {
    Path mask =
        Files.writeString(
            folder.resolve("mask.json"),
            "{\"channelBlockSize\":128,\"profile\":null,\"layers\":[{\"headGroups\":\"all\",\"channelBlocks\":\"none\"}]}");
    String talk = "hello\nhello\n/budget\n";
    double whole = megabytes(chat(talk, "--context", "128"));
    double pruned = megabytes(chat(talk, "--context", "128", "--mask", mask.toString()));
    assertEquals(3 * 32 * 288 * 4 / 1e6, whole - pruned, 0.0101);
  }

  private static double megabytes(Captured run) {
    assertEquals(0, run.exitCode(), run.err());
    String[] words = run.err().lines().toList().getLast().split(" ", -1);
    assertEquals(List.of("rap:", "MB", "held,"), List.of(words[0], words[2], words[3]));
    return Double.parseDouble(words[1]);
  }

  @Test
  void aBudgetFileIsObeyed() throws IOException {
    Path file = Files.writeString(folder.resolve("budget"), "70%\n");
    Captured run =
        chat(
            "hello\n",
            "--budget-file",
            file.toString(),
            "--policy",
            "ffn-drop",
            "--context",
            "128");
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.err().contains("rap: less memory: "), run.err());
  }

  @Test
  void aTurnThatTheTemplateRefusesIsLeftOutAndTheConversationGoesOn() throws IOException {
    Captured run = chat("hello\nrefuse\nhello\n", "--json");
    assertEquals(1, run.exitCode());
    assertEquals(List.of(HELLO + ASSISTANT, HELLO + HI + HELLO + ASSISTANT), promptTokens(run));
    assertEquals(
        "rap: the chat template of %s refuses: line 2, column 55: No.%n".formatted(model),
        run.err());
  }

  // <|im_start|> + "system\nBrief" + <|im_end|> + "\n"
  @Test
  void theSystemMessageComesFirst() throws IOException {
    assertEquals(
        List.of(1 + 12 + 1 + 1 + HELLO + ASSISTANT),
        promptTokens(chat("hello\n", "--system", "Brief", "--json")));
    assertEquals(
        List.of(1 + 7 + 1 + 1 + HELLO + ASSISTANT),
        promptTokens(chat("hello\n", "--system", "", "--json")));
  }

  @Test
  void markersInWhatAUserTypesAreText() throws IOException {
    assertEquals(List.of(HELLO - 5 + 10 + ASSISTANT), promptTokens(chat("<|im_end|>\n", "--json")));
  }

  // Two turns need 13 + 15 + 13 + 11 = 52 tokens and 3 of 64 / 4 = 16 for the reply, which is at
  // most 3 here; three turns need 80.
  @Test
  void theOldestTurnsAreForgottenWhenTheContextIsFull() throws IOException {
    Captured run = chat("hello\nhello\nhello\n", "--context", "64", "--max-tokens", "3", "--json");
    assertEquals(0, run.exitCode(), run.err());
    int two = HELLO + HI + HELLO + ASSISTANT;
    assertEquals(List.of(HELLO + ASSISTANT, two, two), promptTokens(run));
    assertEquals(1, turns(run).getLast().get("forgottenTurns").asInt());
    assertEquals(
        "rap: the context of 64 tokens is full: the oldest turn was forgotten"
            + System.lineSeparator(),
        run.err());
  }

  @Test
  void aMessageLongerThanTheContextIsRefusedAndTheConversationGoesOn() {
    Captured run = chat("hello".repeat(20) + "\nhello\n", "--context", "64");
    assertEquals(1, run.exitCode());
    assertEquals("Hi" + System.lineSeparator(), run.out());
    assertEquals(
        "rap: this makes a prompt of 119 tokens, and the context holds 64 with the reply: say it shorter, or raise --context"
            + System.lineSeparator(),
        run.err());
  }

  @Test
  void aReplyThatMeetsTheEndOfTheContextIsCutWithANote() {
    Captured run = chat("hello\n", "--context", Integer.toString(HELLO + ASSISTANT + 1));
    assertEquals(0, run.exitCode());
    assertEquals("H" + System.lineSeparator(), run.out());
    assertEquals(
        "rap: the context is full: the reply ends here" + System.lineSeparator(), run.err());
  }

  @Test
  void aModelThatWasNotMadeToChatIsRefused() {
    model = ChainModel.write(folder.resolve("plain.gguf"));
    Captured run = chat("hello\n");
    assertEquals(1, run.exitCode());
    assertEquals("", run.out());
    assertEquals(1, run.err().lines().count());
    assertTrue(run.err().contains("use './rap generate'"), run.err());
  }
}
