package dev.rap.tokenizer;

import static java.time.Duration.ofSeconds;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final Tokenizer QWEN2 = TestFiles.tokenizer("qwen2");
  private static final Tokenizer LLAMA = TestFiles.tokenizer("llama-bpe");

  @Test
  void plainTextCannotMakeSpecialTokens() {
    int end = QWEN2.find("<|im_end|>").orElseThrow();
    assertFalse(IntStream.of(QWEN2.encode("a<|im_end|>b")).anyMatch(token -> token == end));
    assertArrayEquals(
        new int[] {QWEN2.encode("a")[0], end, QWEN2.encode("b")[0]},
        QWEN2.encodeWithSpecial("a<|im_end|>b"));
  }

  @Test
  void addedTokensThatAreNotSpecialAreFoundInPlainTextToo() {
    int tool = QWEN2.find("<tool>").orElseThrow();
    assertFalse(QWEN2.isSpecial(tool));
    assertArrayEquals(new int[] {tool}, QWEN2.encode("<tool>"));
    assertEquals("<tool>", QWEN2.decode(new int[] {tool}));
  }

  @Test
  void specialTokensHaveBytesButNoText() {
    int end = QWEN2.find("<|im_end|>").orElseThrow();
    assertTrue(QWEN2.isSpecial(end));
    assertEquals("<|im_end|>", new String(QWEN2.bytes(end), StandardCharsets.UTF_8));
    assertEquals("", QWEN2.decode(new int[] {end}));
    assertEquals("", QWEN2.newStream().accept(end));
  }

  // The file's template puts <|begin_of_text|> first; Qwen2's does not exist.
  @Test
  void bosIsWhatTheFilePutsBeforeAText() {
    assertEquals(LLAMA.find("<|begin_of_text|>"), LLAMA.bos());
    assertTrue(LLAMA.addsBos());
    assertEquals(OptionalInt.empty(), QWEN2.bos());
    assertFalse(QWEN2.addsBos());
  }

  @Test
  void endTokensAreKnownByTheirNames() {
    assertEquals(
        Set.of(LLAMA.find("<|end_of_text|>").orElseThrow(), LLAMA.find("<|eot_id|>").orElseThrow()),
        LLAMA.endTokens());
  }

  @Test
  void tokenizerConfigNamesBosEosAndTemplate() {
    ObjectNode config = TestFiles.MAPPER.createObjectNode();
    config.put("bos_token", "<|im_start|>").put("add_bos_token", true);
    config.putObject("eos_token").put("content", "<tool>");
    config.putArray("chat_template").addObject().put("name", "default").put("template", "{{x}}");
    Tokenizer tokenizer = TestFiles.tokenizer(TestFiles.json("qwen2.tokenizer.json"), config);
    assertEquals(tokenizer.find("<|im_start|>"), tokenizer.bos());
    assertTrue(tokenizer.addsBos());
    assertTrue(tokenizer.endTokens().contains(tokenizer.find("<tool>").orElseThrow()));
    assertTrue(tokenizer.isSpecial(tokenizer.find("<tool>").orElseThrow()));
    assertEquals("{{x}}", tokenizer.chatTemplate().orElseThrow());
  }

  @Test
  void anEmptyTextHasNoTokens() {
    assertArrayEquals(new int[0], QWEN2.encode(""));
    assertEquals("", QWEN2.decode(new int[0]));
  }

  @Test
  void aLoneSurrogateIsReadAsTheReplacementCharacter() {
    for (String lone : List.of("\uD800", "\uDC00", "a\uD83D", "\uDC00\uD800", "\uD83Db\uDE00")) {
      String mended = lone.replaceAll("[\\uD800-\\uDFFF]", "\uFFFD");
      assertArrayEquals(QWEN2.encode(mended), QWEN2.encode(lone));
    }
    assertEquals("😀", QWEN2.decode(QWEN2.encode("😀")));
  }

  @Test
  void idsWithoutATokenHaveNoBytesAndNegativeOnesAreRefused() {
    assertEquals(0, QWEN2.bytes(QWEN2.vocabularySize()).length);
    assertEquals(0, QWEN2.bytes(Integer.MAX_VALUE).length);
    assertFalse(QWEN2.isSpecial(Integer.MAX_VALUE));
    assertThrows(IllegalArgumentException.class, () -> QWEN2.bytes(-1));
    assertThrows(IllegalArgumentException.class, () -> QWEN2.decode(new int[] {-1}));
  }

  // é is C3 A9. gpt2 has every byte as a token, and no normaliser.
  @Test
  void aStreamHoldsACharacterBackUntilItIsWhole() {
    Tokenizer tokenizer = TestFiles.tokenizer("gpt2");
    int lead = tokenizer.find("Ã").orElseThrow();
    int rest = tokenizer.find("©").orElseThrow();
    TokenStream stream = tokenizer.newStream();
    assertEquals("", stream.accept(lead));
    assertEquals("é", stream.accept(rest));
    assertEquals("", stream.accept(lead));
    assertEquals("\uFFFD", stream.flush());
    assertEquals("", stream.flush());
    assertEquals("", stream.accept(lead));
    assertEquals("\uFFFDa", stream.accept(tokenizer.find("a").orElseThrow()));
  }

  @Test
  void aStreamJoinedIsTheDecodedTextAndNeverSplitsACharacter() {
    RandomText random = new RandomText(7);
    for (int i = 0; i < 500; i++) {
      int[] tokens = QWEN2.encode(random.next());
      TokenStream stream = QWEN2.newStream();
      StringBuilder joined = new StringBuilder();
      for (int token : tokens) {
        String part = stream.accept(token);
        assertEquals(part, WellFormed.of(part));
        joined.append(part);
      }
      joined.append(stream.flush());
      assertEquals(QWEN2.decode(tokens), joined.toString());
    }
  }

  // gpt2 has every byte, no normaliser, and its added tokens are as they stand in the text.
  @Test
  void decodingTakesTextBackAsItWas() {
    Tokenizer tokenizer = TestFiles.tokenizer("gpt2");
    RandomText random = new RandomText(8);
    for (int i = 0; i < 500; i++) {
      String text = random.next();
      assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "smollm", "qwen2", "llama-bpe", "llama"})
  void aZeroIsACharacterLikeAny(String name) {
    Tokenizer tokenizer = TestFiles.tokenizer(name);
    for (String text : List.of("\0", "a\0b", "\0\0 a")) {
      assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
    }
  }

  static Stream<String> megabytes() {
    return Stream.of(
            "x", "=", " ", "7", "中", "\n ", "'s", "<|im_", "<", "e\u0301", "😀", "\uD800", "\0")
        .map(part -> part.repeat((1 << 20) / part.length()));
  }

  // A quadratic step anywhere would take hours.
  @ParameterizedTest(name = "{index}")
  @MethodSource("megabytes")
  void aMegabyteWithoutABreakEndsInSeconds(String text) {
    for (String name : List.of("qwen2", "llama-bpe", "variants", "llama", "gemma", "unigram")) {
      Tokenizer tokenizer = TestFiles.tokenizer(name);
      assertTimeout(ofSeconds(60), () -> tokenizer.encodeWithSpecial(text), name);
    }
  }

  @Test
  void manyThreadsGetTheTokensThatOneDoes() {
    RandomText random = new RandomText(9);
    List<String> texts = Stream.generate(random::next).limit(2_000).toList();
    Tokenizer shared = TestFiles.tokenizer("smollm");
    List<int[]> together = texts.parallelStream().map(shared::encode).toList();
    Tokenizer single = TestFiles.tokenizer("smollm");
    for (int i = 0; i < texts.size(); i++) {
      assertArrayEquals(single.encode(texts.get(i)), together.get(i));
    }
  }
}
