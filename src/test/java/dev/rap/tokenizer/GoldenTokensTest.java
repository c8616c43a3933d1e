package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.checkpoint.GgufCheckpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hugging Face tokenizers 0.22.2 says what is right; scripts/golden-tokens.py asked it. */
@Tag("golden")
class GoldenTokensTest {
  private static final int STRINGS = 10_000;
  private static final int ID_LISTS = 2_000;
  private static final Path SHARED = Path.of("../shared");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt2",
        "smollm",
        "llama-bpe",
        "qwen2",
        "variants",
        "llama",
        "gemma",
        "unigram",
        "gpt-4o",
        "deepseek-v3",
        "falcon"
      })
  void tokenizerJsonEqualsHuggingFace(String name) {
    assertEqualsGolden(name, TestFiles.tokenizer(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"gpt2", "smollm", "llama-bpe", "qwen2", "llama", "deepseek-v3", "unigram"})
  void theSameTokenizerAsGgufEqualsHuggingFace(String name, @TempDir Path folder)
      throws IOException {
    Path file = folder.resolve("model.gguf");
    GgufBytes gguf = name.equals("unigram") ? GgufFixture.unigram() : GgufFixture.of(name);
    Files.write(file, gguf.bytes());
    try (GgufCheckpoint checkpoint = GgufCheckpoint.open(file)) {
      assertEqualsGolden(name, Tokenizer.of(checkpoint));
    }
  }

  @Test
  void smolLm2EqualsHuggingFaceOnRandomStringsAndOnWikiText2() throws IOException {
    Path model = SHARED.resolve("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    Path text = SHARED.resolve("data/wikitext-2/test.txt");
    assumeTrue(Files.exists(model) && Files.exists(text), "needs " + model + " and " + text);
    try (GgufCheckpoint checkpoint = GgufCheckpoint.open(model)) {
      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      assertEqualsGolden("smollm2", tokenizer);
      String wikiText2 = Files.readString(text);
      int[] tokens = tokenizer.encode(wikiText2);
      assertEquals(312_144, tokens.length);
      JsonNode golden = TestFiles.json("smollm2.golden.json").get("wikiText2");
      assertEquals(
          golden.get("sha256").textValue(),
          HexFormat.of().formatHex(Digests.sha256().digest(Digests.int32s(tokens))));
      assertEquals(wikiText2, tokenizer.decode(tokens));
    }
  }

  private static void assertEqualsGolden(String name, Tokenizer tokenizer) {
    JsonNode golden = TestFiles.json(name + ".golden.json");
    Digests plain = new Digests(name + ", plain", golden.get("plain"), STRINGS);
    Digests special = new Digests(name + ", special", golden.get("special"), STRINGS);
    RandomText text = new RandomText(1);
    for (int i = 0; i < STRINGS; i++) {
      String string = text.next();
      plain.add(tokenizer.encode(string));
      special.add(tokenizer.encodeWithSpecial(string));
    }
    plain.assertEqual();
    special.assertEqual();
    assertDecodedEqualsGolden(name, tokenizer, golden.get("decoded"));
  }

  private static void assertDecodedEqualsGolden(String name, Tokenizer tokenizer, JsonNode golden) {
    Digests decoded = new Digests(name + ", decoded", golden, ID_LISTS);
    RandomText random = new RandomText(2);
    for (int i = 0; i < ID_LISTS; i++) {
      int[] ids = new int[random.below(40)];
      for (int k = 0; k < ids.length; k++) {
        ids[k] = random.below(tokenizer.vocabularySize());
      }
      decoded.add(tokenizer.decode(ids).getBytes(StandardCharsets.UTF_8));
    }
    decoded.assertEqual();
  }
}
