package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A damaged tokenizer either works or is refused in a sentence. */
class TokenizerFuzzTest {
  private static final List<String> JUNK =
      List.of(
          "null",
          "true",
          "0",
          "-1",
          "1.5",
          "1e300",
          "4194303",
          "9223372036854775807",
          "18446744073709551616",
          "\"\"",
          "\" \"",
          "\"a\"",
          "\"\\ud800\"",
          "\"BPE\"",
          "\"ByteLevel\"",
          "\"Sequence\"",
          "[]",
          "[[]]",
          "{}",
          "{\"type\":\"Sequence\"}",
          "[{\"type\":\"ByteLevel\"}]",
          "{\"content\":\"a\",\"id\":1}");
  private static final String TEXT = "It's 137 <|im_end|> <tool>\n\n  é😀\uD800 [MASK]";

  private final Random random = new Random(20260101);
  private int refused;

  private void assertWorksOrIsRefused(String change, Supplier<Tokenizer> reader) {
    try {
      Tokenizer tokenizer = reader.get();
      tokenizer.decode(tokenizer.encodeWithSpecial(TEXT));
      tokenizer.decode(tokenizer.encode(TEXT));
    } catch (InputException e) {
      refused++;
      assertTrue(e.getMessage().length() > 20, change + ": " + e.getMessage());
      assertFalse(e.getMessage().contains("\n"), change + ": " + e.getMessage());
    } catch (RuntimeException | StackOverflowError e) {
      throw new AssertionError(change, e);
    }
  }

  @Test
  void mutatedTokenizerJson() throws IOException {
    for (String name :
        List.of("gpt2", "llama-bpe", "variants", "llama", "gemma", "unigram", "falcon")) {
      JsonNode original = TestFiles.json(name + ".tokenizer.json");
      for (int i = 0; i < 200; i++) {
        JsonNode json = original.deepCopy();
        StringBuilder change = new StringBuilder(name);
        for (int k = 0; k <= random.nextInt(3); k++) {
          change.append(", ").append(mutate(json));
        }
        assertWorksOrIsRefused(change.toString(), () -> TestFiles.tokenizer(json));
      }
    }
    assertTrue(refused > 400, "only " + refused + " of 1400 were refused: is anything changed?");
  }

  // Goes down from the root at random, so that what lies high is changed more often.
  private String mutate(JsonNode root) throws IOException {
    JsonNode node = root;
    while (true) {
      int index = random.nextInt(node.size());
      List<String> keys = new ArrayList<>();
      node.fieldNames().forEachRemaining(keys::add);
      JsonNode child = node.isObject() ? node.get(keys.get(index)) : node.get(index);
      if (child.size() > 0 && random.nextInt(8) != 0) {
        node = child;
        continue;
      }
      JsonNode junk = TestFiles.MAPPER.readTree(JUNK.get(random.nextInt(JUNK.size())));
      boolean remove = random.nextInt(4) == 0;
      if (node instanceof ObjectNode object) {
        change(object, keys.get(index), remove, junk);
      } else {
        change((ArrayNode) node, index, remove, junk);
      }
      return (node.isObject() ? keys.get(index) : "[" + index + "]")
          + (remove ? " removed" : " = " + junk);
    }
  }

  private static void change(ObjectNode object, String key, boolean remove, JsonNode junk) {
    if (remove) {
      object.remove(key);
    } else {
      object.replace(key, junk);
    }
  }

  private static void change(ArrayNode array, int index, boolean remove, JsonNode junk) {
    if (remove) {
      array.remove(index);
    } else {
      array.set(index, junk);
    }
  }

  @Test
  void mutatedGguf(@TempDir Path folder) throws IOException {
    byte[] original =
        GgufFixture.of("smollm")
            .integer("tokenizer.ggml.bos_token_id", 1)
            .integer("tokenizer.ggml.eos_token_id", 2)
            .bytes();
    for (int i = 0; i < 400; i++) {
      byte[] bytes = original.clone();
      StringBuilder change = new StringBuilder();
      for (int k = 0; k <= random.nextInt(3); k++) {
        int at = random.nextInt(bytes.length);
        bytes[at] = (byte) random.nextInt(256);
        change.append("byte ").append(at).append(" = ").append(bytes[at]).append(' ');
      }
      Path file = folder.resolve(i + ".gguf");
      Files.write(file, bytes);
      assertWorksOrIsRefused(
          change.toString(),
          () -> {
            try (GgufCheckpoint checkpoint = GgufCheckpoint.open(file)) {
              return Tokenizer.of(checkpoint);
            }
          });
    }
    assertTrue(refused > 100, "only " + refused + " of 400 were refused: is anything changed?");
  }
}
