package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateCommandTest {
  @TempDir private Path folder;

  private Captured generate(Path model, String... args) {
    return generateFrom("", model, args);
  }

  private Captured generateFrom(String input, Path model, String... args) {
    List<String> all = new ArrayList<>(List.of("generate", model.toString()));
    all.addAll(List.of(args));
    return Captured.runWithInput(
        Map.of("HOME", folder.toString()), input, all.toArray(String[]::new));
  }

  private JsonNode json(Path model, String... args) throws IOException {
    List<String> all = new ArrayList<>(List.of(args));
    all.add("--json");
    Captured run = generate(model, all.toArray(String[]::new));
    assertEquals(0, run.exitCode(), run.err());
    assertEquals(1, run.out().lines().count(), run.out());
    return new ObjectMapper().readTree(run.out());
  }

  private Path alphabet() {
    return ChainModel.write(folder.resolve("alphabet.gguf"));
  }

  private Path chatModel() {
    return ChainModel.writeChat(folder.resolve("chat.gguf"));
  }

  @Test
  void goesOnWithTheTextAndSaysHowFast() {
    Captured run = generate(alphabet(), "-p", "a", "--max-tokens", "3");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("bcd" + System.lineSeparator(), run.out());
    assertTrue(
        run.err()
            .matches("rap: 1 prompt tokens, [\\d.]+/s; 3 tokens, [\\d.]+/s; ended by length\\R"),
        run.err());
  }

  @Test
  void thePromptMayComeFromAFileOrFromStandardInputWithoutItsLastLineBreak() throws IOException {
    Path file = Files.writeString(folder.resolve("prompt.txt"), "x\na\n");
    String[] rest = {"--max-tokens", "2"};
    String bc = "bc" + System.lineSeparator();
    assertEquals(
        bc, generate(alphabet(), "--prompt-file", file.toString(), rest[0], rest[1]).out());
    assertEquals(bc, generateFrom("a\r\n", alphabet(), "-p", "-", rest[0], rest[1]).out());
  }

  @Test
  void theDocumentHoldsTextAndFigures() throws IOException {
    JsonNode figures = json(alphabet(), "-p", "xyza", "--max-tokens", "3");
    assertEquals("bcd", figures.get("text").asText());
    assertEquals(4, figures.get("promptTokens").asInt());
    assertEquals(3, figures.get("tokens").asInt());
    assertEquals("length", figures.get("finishReason").asText());
    assertTrue(figures.get("promptTokensPerSecond").asDouble() > 0);
    assertTrue(figures.get("tokensPerSecond").asDouble() > 0);
    // 2 * 288 * 288 + 3 * 288 + 7 * 32 * 288 elements in F32; 7 tokens with 32 keys and values.
    long weights = 4L * (2 * 288 * 288 + 3 * 288 + 7 * 32 * 288);
    assertEquals(weights + 7 * 2 * 2 * 32, figures.get("retainedBytes").asLong());
    assertEquals(weights + 7 * 2 * 2 * 32, figures.get("denseBytes").asLong());
  }

  @Test
  void theTextGoesOnWhileTheBudgetMoves() throws IOException {
    Path plot = folder.resolve("memory.png");
    Captured run =
        generate(
            alphabet(),
            "-p",
            "a",
            "--max-tokens",
            "120",
            "--budget-schedule",
            "20=70%,90=100%",
            "--policy",
            "ffn-drop",
            "--memory-plot",
            plot.toString());
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.err().contains("rap: less memory: "), run.err());
    assertTrue(run.err().contains("rap: more memory: "), run.err());
    assertTrue(run.err().contains("120 tokens"), run.err());
    assertTrue(Files.size(plot) > 1000);
  }

  @Test
  void aBudgetBelowTheSmallestMaskIsSaid() {
    Captured run = generate(alphabet(), "-p", "a", "--budget", "1kB", "--policy", "ffn-drop");
    assertEquals(1, run.exitCode());
    assertTrue(run.err().startsWith("rap: the budget allows 1.00 kB, but the smallest"), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
  }

  @Test
  void aBudgetFileIsObeyed() throws IOException {
    Path file = Files.writeString(folder.resolve("budget"), "70%\n");
    Captured run = generate(alphabet(), "-p", "a", "--budget-file", file.toString());
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.err().contains("rap: less memory: "), run.err());
  }

  @Test
  void aScheduleThatIsNoneIsRefused() {
    for (String schedule : new String[] {"", "60%", "1=", "1=60%,", "-1=60%", "1h=60%", "1=x"}) {
      Captured run = generate(alphabet(), "-p", "a", "--budget-schedule", schedule);
      assertEquals(1, run.exitCode(), schedule);
      assertEquals(1, run.err().lines().count(), run.err());
    }
    Captured both =
        generate(alphabet(), "-p", "a", "--budget-schedule", "1=60%", "--budget", "60%");
    assertEquals(2, both.exitCode());
    Captured two =
        generate(alphabet(), "-p", "a", "--budget-schedule", "1=60%", "--budget-file", "x");
    assertEquals(2, two.exitCode());
    assertEquals(
        "rap: --budget-schedule and --budget-file exclude each other: give one of them (see './rap generate --help')"
            + System.lineSeparator(),
        two.err());
    Captured missing = generate(alphabet(), "-p", "a", "--budget-file", "no such file");
    assertEquals(1, missing.exitCode());
    assertTrue(missing.err().contains("no such file"), missing.err());
  }

  @Test
  void aStopStringEndsTheTextAndIsLeftOut() throws IOException {
    JsonNode figures = json(alphabet(), "-p", "a", "--stop", "zz", "--stop", "de");
    assertEquals("bc", figures.get("text").asText());
    assertEquals("stop", figures.get("finishReason").asText());
    assertEquals(4, figures.get("tokens").asInt()); // b, c, d, e
  }

  @Test
  void anEndTokenEndsTheText() throws IOException {
    Path model =
        ChainModel.write(
            folder.resolve("end.gguf"), Map.of((int) 'c', ChainModel.END), List.of(), more -> {});
    JsonNode figures = json(model, "-p", "a");
    assertEquals("bc", figures.get("text").asText());
    assertEquals("end", figures.get("finishReason").asText());
    assertEquals(3, figures.get("tokens").asInt());
  }

  @Test
  void aFullContextEndsTheText() throws IOException {
    JsonNode figures = json(alphabet(), "-p", "a", "--context", "4");
    assertEquals("bcd", figures.get("text").asText());
    assertEquals("context", figures.get("finishReason").asText());
  }

  @Test
  void theBeginningTokenIsAddedWhereTheModelExpectsIt() throws IOException {
    Path model =
        ChainModel.write(
            folder.resolve("bos.gguf"),
            Map.of(),
            List.of("<s>"),
            more ->
                more.uint32("tokenizer.ggml.bos_token_id", 257)
                    .flag("tokenizer.ggml.add_bos_token", true));
    assertEquals(2, json(model, "-p", "a", "--max-tokens", "1").get("promptTokens").asInt());
  }

  @Test
  void anEndIsAddedOnlyWhereTheFileWantsOne() throws IOException {
    for (boolean wanted : new boolean[] {false, true}) {
      Path model =
          ChainModel.write(
              folder.resolve(wanted + ".gguf"),
              Map.of(),
              List.of(),
              more -> more.flag("tokenizer.ggml.add_eos_token", wanted));
      JsonNode figures = json(model, "-p", "a", "--max-tokens", "1");
      assertEquals(wanted ? 2 : 1, figures.get("promptTokens").asInt());
    }
  }

  @Test
  void theSameSeedDrawsTheSameText() throws IOException {
    Path model =
        GgufFiles.write(
            folder.resolve("random.gguf"),
            RandomLlama.tiny().untied(),
            writer -> writer.byteTokenizer(288));
    String[] args = {"-p", "a", "--max-tokens", "20", "--temperature", "2", "--seed", "1"};
    String text = json(model, args).get("text").asText();
    assertEquals(text, json(model, args).get("text").asText());
    args[7] = "2";
    assertNotEquals(text, json(model, args).get("text").asText());
  }

  // <|im_start|> + "user\nhello" + <|im_end|> + "\n" + <|im_start|> + "assistant\n"
  @Test
  void aPromptCanBeMadeAMessageOfAUser() throws IOException {
    JsonNode figures = json(chatModel(), "--chat", "-p", "hello");
    assertEquals("Hi", figures.get("text").asText());
    assertEquals(1 + 10 + 1 + 1 + 1 + 10, figures.get("promptTokens").asInt());
  }

  @Test
  void specialTokensInAPromptAreTextUnlessAskedOtherwise() throws IOException {
    String[] args = {"-p", "<|im_start|>a", "--max-tokens", "1"};
    assertEquals(13, json(chatModel(), args).get("promptTokens").asInt());
    String[] special = {"-p", "<|im_start|>a", "--max-tokens", "1", "--special"};
    assertEquals(2, json(chatModel(), special).get("promptTokens").asInt());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          -p ''                        | 1 | the prompt is empty: give at least one character
          -p abc --context 3           | 1 | the prompt has 3 tokens, but the context holds 3 and one must be left to draw: shorten it or raise the context
          -p abc --context 129         | 1 | --context must be at most 128, the model's, was 129
          -p abc --context 1           | 1 | --context must be at least 2, was 1
          -p abc --max-tokens 0        | 1 | --max-tokens must be positive, was 0
          -p abc --temperature -1      | 1 | --temperature must be in [0, 100], was -1.0
          -p abc --temperature NaN     | 1 | --temperature must be in [0, 100], was NaN
          -p abc --top-k -1            | 1 | --top-k must be 0 or more, was -1
          -p abc --top-p 0             | 1 | --top-p must be in (0, 1], was 0.0
          -p abc --min-p 2             | 1 | --min-p must be in [0, 1], was 2.0
          -p abc --repetition-penalty 0 | 1 | --repetition-penalty must be in (0, 100], was 0.0
          -p abc --stop ''             | 1 | --stop must be some text, was empty
          -p abc --chat --special      | 1 | --chat and --special exclude each other: give one of them
          --prompt-file /nowhere/x.txt | 1 | --prompt-file needs a file of text, but there is no /nowhere/x.txt
          --prompt-file /              | 1 | --prompt-file needs a file of text, but / is a folder
          --json                       | 2 | there is no prompt: give -p TEXT or --prompt-file FILE (see './rap generate --help')
          -p a --prompt-file b         | 2 | --prompt=TEXT, --prompt-file=FILE are mutually exclusive (specify only one) (see './rap generate --help')
          -p a --temperature hot       | 2 | invalid value for option '--temperature': 'hot' is not a double (see './rap generate --help')
          """)
  void whatCannotBeDoneIsOneSentenceAndNoText(String args, int exitCode, String sentence) {
    List<String> words = new ArrayList<>();
    for (String word : args.split(" +", -1)) {
      words.add(word.equals("''") ? "" : word);
    }
    Captured run = generate(alphabet(), words.toArray(String[]::new));
    assertEquals("rap: " + sentence + System.lineSeparator(), run.err());
    assertEquals("", run.out());
    assertEquals(exitCode, run.exitCode());
  }

  @Test
  void aModelWithoutAChatTemplateIsRefusedForChat() {
    Captured run = generate(alphabet(), "--chat", "-p", "a");
    assertEquals(1, run.exitCode());
    assertEquals("", run.out());
    assertEquals(
        "rap: %s has no chat template, so it was not made to chat: use './rap generate' without --chat%n"
            .formatted(folder.resolve("alphabet.gguf")),
        run.err());
  }
}
