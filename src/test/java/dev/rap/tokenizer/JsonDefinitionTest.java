package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonDefinitionTest {
  private static ObjectNode json() {
    return TestFiles.json("qwen2.tokenizer.json").deepCopy();
  }

  private static ObjectNode object(JsonNode node, String key) {
    return (ObjectNode) node.get(key);
  }

  private static ObjectNode model(ObjectNode json) {
    return object(json, "model");
  }

  private static void assertRefused(String expected, Consumer<ObjectNode> change) {
    ObjectNode json = json();
    change.accept(json);
    assertRefused(expected, json, TestFiles.MAPPER.createObjectNode());
  }

  private static void assertRefused(String expected, JsonNode json, JsonNode config) {
    InputException refusal =
        assertThrows(InputException.class, () -> TestFiles.tokenizer(json, config));
    String message = refusal.getMessage();
    assertTrue(message.contains(expected), message);
    assertFalse(message.contains("\n"), message);
  }

  @Test
  void otherModelsAreRefusedByName() {
    for (String type : List.of("WordPiece", "WordLevel")) {
      assertRefused(
          "\"" + type + "\", which is not supported; supported: BPE, Unigram",
          json -> model(json).put("type", type));
    }
    assertRefused("end_of_word_suffix", json -> model(json).put("end_of_word_suffix", "</w>"));
    assertRefused("dropout", json -> model(json).put("dropout", 0.1));
  }

  @Test
  void otherPreTokenizersAreRefusedByName() {
    assertRefused(
        "\"UnicodeScripts\", which is not supported; supported: ByteLevel",
        json -> object(json, "pre_tokenizer").put("type", "UnicodeScripts"));
    assertRefused(
        "the expression has at character 6 \\1, which is not supported",
        json ->
            object(json.get("pre_tokenizer").get("pretokenizers").get(0), "pattern")
                .put("Regex", "(a+b)\\1"));
    assertRefused(
        "\"MergedWithNobody\"",
        json ->
            ((ObjectNode) json.get("pre_tokenizer").get("pretokenizers").get(0))
                .put("behavior", "MergedWithNobody"));
  }

  @Test
  void moreCutsThanAnyTokenizerHasAreRefused() {
    assertRefused(
        "at most 32 parts in a row",
        json -> {
          ArrayNode cuts = (ArrayNode) json.get("pre_tokenizer").get("pretokenizers");
          for (int i = 0; i < 1000; i++) {
            cuts.insertObject(0).put("type", "Digits").put("individual_digits", true);
          }
        });
  }

  @Test
  void whatMakesATextTooLongIsRefused() {
    ObjectNode replace = TestFiles.MAPPER.createObjectNode().put("type", "Replace");
    replace.putObject("pattern").put("String", "s");
    replace.put("content", "s".repeat(256));
    for (String part : List.of("normalizer", "decoder")) {
      assertRefused(
          "65536 times as long",
          json -> {
            ArrayNode parts = json.putObject(part).put("type", "Sequence").putArray(part + "s");
            for (int i = 0; i < 3; i++) { // 2^24 times
              parts.add(replace);
            }
          });
    }
    byte[] rules = ByteBuffer.allocate(4 + 4 + 65).order(ByteOrder.LITTLE_ENDIAN).putInt(4).array();
    Arrays.fill(rules, 8, rules.length, (byte) 's');
    assertRefused(
        "a replacement of more than 64 bytes",
        json ->
            json.putObject("normalizer")
                .put("type", "Precompiled")
                .put("precompiled_charsmap", Base64.getEncoder().encodeToString(rules)));
  }

  @Test
  void otherNormalizersDecodersAndPostProcessorsAreRefusedByName() {
    assertRefused(
        "\"BertNormalizer\"", json -> object(json, "normalizer").put("type", "BertNormalizer"));
    assertRefused("\"WordPiece\"", json -> object(json, "decoder").put("type", "WordPiece"));
    assertRefused(
        "\"BertProcessing\"",
        json -> json.putObject("post_processor").put("type", "BertProcessing"));
  }

  // What transformers calls add_special_tokens.
  @Test
  void aTemplateSaysWhatIsAroundAText() {
    ObjectNode json = json();
    ObjectNode processor = json.putObject("post_processor");
    ArrayNode single = processor.put("type", "TemplateProcessing").putArray("single");
    single.addObject().putObject("SpecialToken").put("id", "<|im_start|>");
    single.addObject().putObject("Sequence").put("id", "A");
    single.addObject().putObject("SpecialToken").put("id", "<|im_end|>");
    Tokenizer tokenizer = TestFiles.tokenizer(json);
    int start = tokenizer.find("<|im_start|>").orElseThrow();
    int end = tokenizer.find("<|im_end|>").orElseThrow();
    assertArrayEquals(new int[] {start, 7, end}, tokenizer.around(new int[] {7}));
    assertRefused(
        "a template without the text",
        changed -> {
          ObjectNode template = changed.putObject("post_processor");
          template.put("type", "TemplateProcessing").putArray("single");
        });
  }

  @Test
  void aVocabularyMustBeThereAndBeAnObject() {
    assertRefused("model.vocab is missing", json -> model(json).remove("vocab"));
    assertRefused("model.vocab is an array", json -> model(json).putArray("vocab"));
    assertRefused("model is missing", json -> json.remove("model"));
    assertRefused("model is \"x\"", json -> json.put("model", "x"));
  }

  @Test
  void idsMustBeIntegersInRangeAndUnique() {
    assertRefused(
        "the id -1; ids must be between", json -> object(model(json), "vocab").put("a", -1));
    assertRefused("the id 4194304; ids", json -> object(model(json), "vocab").put("a", 1 << 22));
    assertRefused("expected an integer", json -> object(model(json), "vocab").put("a", 1e300));
    assertRefused("expected an integer", json -> object(model(json), "vocab").put("a", "1"));
    assertRefused("gives the id 0 to two tokens", json -> object(model(json), "vocab").put("a", 0));
  }

  @Test
  void mergesMustNameTokens() {
    assertRefused("merges is missing", json -> model(json).remove("merges"));
    assertRefused(
        "merge 0 names the token \"nowhere\", which is not in the vocabulary",
        json -> ((ArrayNode) model(json).get("merges")).insertArray(0).add("nowhere").add("a"));
    assertRefused(
        "merge 0 names the token \"a!\"", // both are there, but not what they make
        json -> ((ArrayNode) model(json).get("merges")).insertArray(0).add("a").add("!"));
    assertRefused(
        "two tokens with a space between",
        json -> ((ArrayNode) model(json).get("merges")).insert(0, "a b c"));
    assertRefused(
        "expected a string or two", json -> ((ArrayNode) model(json).get("merges")).insert(0, 7));
  }

  @Test
  void addedTokensMustAgreeWithTheVocabulary() {
    assertRefused(
        "two ids", json -> ((ObjectNode) json.get("added_tokens").get(0)).put("content", "a"));
    assertRefused(
        "to two tokens", json -> ((ObjectNode) json.get("added_tokens").get(0)).put("id", 0));
    assertRefused(
        "has 2000 characters, expected at most 1024",
        json -> ((ObjectNode) json.get("added_tokens").get(0)).put("content", "x".repeat(2000)));
  }

  @Test
  void tokenizerConfigMustNameTokens() {
    ObjectNode config = TestFiles.MAPPER.createObjectNode();
    assertRefused("eos_token of tokenizer_config.json", json(), config.put("eos_token", "nowhere"));
    assertRefused("expected a string", json(), config.put("eos_token", 7));
  }

  // 8-byte length, then the JSON of a safetensors header that holds nothing.
  private static void writeFolder(Path folder) throws IOException {
    Files.write(
        folder.resolve("model.safetensors"),
        ByteBuffer.allocate(10)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(2)
            .put("{}".getBytes(StandardCharsets.US_ASCII))
            .array());
    Files.writeString(folder.resolve("config.json"), "{\"eos_token_id\": 1}");
  }

  @Test
  void aFolderIsReadWithTheFilesBesideTheTokenizer(@TempDir Path folder) throws IOException {
    writeFolder(folder);
    Files.writeString(folder.resolve("tokenizer.json"), json().toString());
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"chat_template\": \"old\"}");
    Files.writeString(folder.resolve("chat_template.jinja"), "new");
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [2, 3]}");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      assertArrayEquals(TestFiles.tokenizer("qwen2").encode("a b"), tokenizer.encode("a b"));
      assertEquals("new", tokenizer.chatTemplate().orElseThrow());
      assertTrue(tokenizer.endTokens().containsAll(List.of(2, 3)));
      assertFalse(tokenizer.endTokens().contains(1));
    }
  }

  @Test
  void whatTheConfigLacksIsReadFromOlderFiles(@TempDir Path folder) throws IOException {
    writeFolder(folder);
    Files.writeString(folder.resolve("tokenizer.json"), json().toString());
    Files.writeString(
        folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"a\", \"bos_token\": null}");
    Files.writeString(
        folder.resolve("special_tokens_map.json"),
        "{\"eos_token\": \"b\", \"bos_token\": {\"content\": \"c\"}, \"pad_token\": \"d\"}");
    Files.writeString(folder.resolve("chat_template.json"), "{\"chat_template\": \"older\"}");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      assertEquals("older", tokenizer.chatTemplate().orElseThrow());
      assertEquals("a", tokenizer.namedTokens().get("eos_token"));
      assertEquals("c", tokenizer.namedTokens().get("bos_token"));
    }
    Files.writeString(folder.resolve("special_tokens_map.json"), "{\"bos_token\": \"nowhere\"}");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      InputException refusal = assertThrows(InputException.class, () -> Tokenizer.of(checkpoint));
      assertTrue(refusal.getMessage().contains("special_tokens_map.json"), refusal.getMessage());
    }
  }

  @Test
  void aTemplateThatIsNoPlainFileOrNoUtf8IsRefused(@TempDir Path folder) throws IOException {
    writeFolder(folder);
    Files.writeString(folder.resolve("tokenizer.json"), json().toString());
    Path template = folder.resolve("chat_template.jinja");
    Files.createDirectory(template);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThrows(InputException.class, () -> Tokenizer.of(checkpoint));
      Files.delete(template);
      Files.write(template, new byte[] {(byte) 0xFF});
      assertThrows(InputException.class, () -> Tokenizer.of(checkpoint));
    }
  }

  // ESC and the C1 control CSI start terminal commands, U+202E turns the direction of text.
  @Test
  void namesInMessagesDoNoHarmOnATerminal() {
    assertRefused(
        "\"??[2J?\", which is not supported",
        json -> model(json).put("type", "\u009b\u001b[2J\u202e"));
  }

  @Test
  void aFolderWithoutTokenizerJsonIsRefused(@TempDir Path folder) throws IOException {
    writeFolder(folder);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      InputException refusal = assertThrows(InputException.class, () -> Tokenizer.of(checkpoint));
      assertTrue(refusal.getMessage().contains("tokenizer.json is missing"));
    }
  }
}
