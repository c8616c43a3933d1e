package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufDefinitionTest {
  @TempDir private Path folder;

  private Tokenizer read(GgufBytes gguf) throws IOException {
    Path file = folder.resolve("model.gguf");
    Files.write(file, gguf.bytes());
    try (GgufCheckpoint checkpoint = GgufCheckpoint.open(file)) {
      return Tokenizer.of(checkpoint);
    }
  }

  private void assertRefused(String expected, GgufBytes gguf) {
    InputException refusal = assertThrows(InputException.class, () -> read(gguf));
    String message = refusal.getMessage();
    assertTrue(message.contains(expected), message);
    assertFalse(message.contains("\n"), message);
  }

  // a b ab <e> <u>: a merge, a control token, a user-defined one.
  private static GgufBytes small(String pre) {
    return named(pre)
        .strings("tokenizer.ggml.tokens", List.of("a", "b", "ab", "<e>", "<u>", "pad"))
        .integers("tokenizer.ggml.token_type", List.of(1, 1, 1, 3, 4, 5))
        .strings("tokenizer.ggml.merges", List.of("a b"));
  }

  private static GgufBytes named(String pre) {
    return new GgufBytes().string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", pre);
  }

  @Test
  void tokenTypesSayWhatIsSpecial() throws IOException {
    Tokenizer tokenizer = read(small("default").string("tokenizer.chat_template", "{{x}}"));
    assertEquals(6, tokenizer.vocabularySize());
    assertArrayEquals(new int[] {2, 4, 3}, tokenizer.encodeWithSpecial("ab<u><e>"));
    assertArrayEquals(new int[] {2, 4}, tokenizer.encode("ab<u><>")); // no e in this vocabulary
    assertArrayEquals(new int[] {0}, tokenizer.encodeWithSpecial("pad"));
    assertTrue(tokenizer.isSpecial(5));
    assertEquals("{{x}}", tokenizer.chatTemplate().orElseThrow());
  }

  @Test
  void bosAndEndsAreThoseOfTheFile() throws IOException {
    Tokenizer tokenizer =
        read(
            small("default")
                .integer("tokenizer.ggml.bos_token_id", 3)
                .integer("tokenizer.ggml.eos_token_id", 3)
                .integer("tokenizer.ggml.eot_token_id", 4)
                .flag("tokenizer.ggml.add_bos_token", true));
    assertEquals(OptionalInt.of(3), tokenizer.bos());
    assertTrue(tokenizer.addsBos());
    assertEquals(Set.of(3, 4), tokenizer.endTokens());
    assertTrue(tokenizer.isSpecial(4));
  }

  @Test
  void llama3AddsBosUnlessTheFileSaysOtherwise() throws IOException {
    assertTrue(read(small("llama-bpe").integer("tokenizer.ggml.bos_token_id", 3)).addsBos());
    assertFalse(read(small("default").integer("tokenizer.ggml.bos_token_id", 3)).addsBos());
    assertFalse(
        read(small("llama-bpe")
                .integer("tokenizer.ggml.bos_token_id", 3)
                .flag("tokenizer.ggml.add_bos_token", false))
            .addsBos());
    assertFalse(read(small("llama-bpe")).addsBos());
  }

  @Test
  void theFileSaysWhatIsAroundAText() throws IOException {
    GgufBytes ends = small("default").integer("tokenizer.ggml.eos_token_id", 3);
    assertArrayEquals(new int[] {0}, read(ends).around(new int[] {0}));
    GgufBytes both =
        small("default")
            .integer("tokenizer.ggml.bos_token_id", 4)
            .integer("tokenizer.ggml.eos_token_id", 3)
            .flag("tokenizer.ggml.add_bos_token", true)
            .flag("tokenizer.ggml.add_eos_token", true);
    assertArrayEquals(new int[] {4, 0, 3}, read(both).around(new int[] {0}));
  }

  // As llama.cpp has it: SentencePiece BPE begins with BOS, T5's unigram ends with EOS.
  @Test
  void withoutAWordOfTheFileTheModelSaysWhatIsAroundAText() throws IOException {
    GgufBytes llama =
        GgufFixture.of("llama")
            .integer("tokenizer.ggml.bos_token_id", 1)
            .integer("tokenizer.ggml.eos_token_id", 2);
    assertArrayEquals(new int[] {1, 7}, read(llama).around(new int[] {7}));
    GgufBytes unigram =
        GgufFixture.unigram()
            .integer("tokenizer.ggml.bos_token_id", 1)
            .integer("tokenizer.ggml.eos_token_id", 2);
    assertArrayEquals(new int[] {7, 2}, read(unigram).around(new int[] {7}));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert", "plamo2", "rwkv", "none", ""})
  void otherModelsAreRefusedByName(String model) {
    assertRefused(
        "\"" + model + "\", which is not supported; supported: gpt2 (byte-level BPE), llama",
        new GgufBytes().string("tokenizer.ggml.model", model));
  }

  @Test
  void otherPreTokenizersAreRefusedByName() {
    assertRefused(
        "tokenizer.ggml.pre is \"chameleon\", which is not supported; supported: a.x-4.0, bailingmoe,",
        small("chameleon"));
  }

  @Test
  void aTokenizerWithoutMergesKnowsSingleBytes() throws IOException {
    Tokenizer tokenizer =
        read(
            named("default")
                .strings("tokenizer.ggml.tokens", List.of("a", "b", "ab"))
                .strings("tokenizer.ggml.merges", List.of()));
    assertArrayEquals(new int[] {0, 1}, tokenizer.encode("ab"));
  }

  @Test
  void whatIsMissingIsNamed() {
    assertRefused("tokenizer.ggml.model", new GgufBytes());
    assertRefused("tokenizer.ggml.tokens", named("default"));
    assertRefused(
        "tokenizer.ggml.tokens", named("default").strings("tokenizer.ggml.tokens", List.of()));
    assertRefused(
        "tokenizer.ggml.merges", named("default").strings("tokenizer.ggml.tokens", List.of("a")));
  }

  @Test
  void whatContradictsItselfIsRefused() {
    assertRefused(
        "two ids, 0 and 1", named("default").strings("tokenizer.ggml.tokens", List.of("a", "a")));
    assertRefused(
        "has 1 entries for 2 tokens",
        named("default")
            .strings("tokenizer.ggml.tokens", List.of("a", "b"))
            .integers("tokenizer.ggml.token_type", List.of(1)));
    assertRefused(
        "merge 0 names the token \"c\"",
        named("default")
            .strings("tokenizer.ggml.tokens", List.of("a", "b"))
            .strings("tokenizer.ggml.merges", List.of("a c")));
    assertRefused(
        "eos_token_id is 6, expected an id below 6",
        small("default").integer("tokenizer.ggml.eos_token_id", 6));
    assertRefused(
        "bos_token_id is 4294967295", small("default").integer("tokenizer.ggml.bos_token_id", -1));
    assertRefused("tokenizer.ggml.model", new GgufBytes().integer("tokenizer.ggml.model", 7));
  }
}
