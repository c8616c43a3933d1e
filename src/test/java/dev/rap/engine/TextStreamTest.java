package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every token is one byte, so that strings are split wherever they can be. */
class TextStreamTest {
  @TempDir private static Path folder;
  private static Tokenizer tokenizer;

  @BeforeAll
  static void readTokenizer() {
    Path file =
        GgufFiles.write(
            folder.resolve("bytes.gguf"), RandomLlama.tiny(), writer -> writer.byteTokenizer(288));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      tokenizer = Tokenizer.of(checkpoint);
    }
  }

  private static TextStream stream(String... stops) {
    return new TextStream(tokenizer, List.of(stops));
  }

  /** {@return what each byte of {@code text} brought, then what was held back} */
  private static List<String> pieces(TextStream stream, String text) {
    List<String> pieces = new ArrayList<>();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      pieces.add(stream.accept(b & 0xff));
    }
    pieces.add(stream.flush());
    return pieces;
  }

  @Test
  void textComesAsItIsDrawn() {
    assertEquals(List.of("a", "b", "c", ""), pieces(stream(), "abc"));
  }

  @Test
  void aCharacterComesWhenItsLastByteDoes() {
    assertEquals(List.of("", "é", "", "", "€", ""), pieces(stream(), "é€"));
  }

  @Test
  void whatMayBeginAStopStringIsHeldBackUntilItIsClear() {
    assertEquals(List.of("x", "", "", "ENx", ""), pieces(stream("END"), "xENx"));
  }

  @Test
  void aStopStringOverSeveralTokensEndsTheText() {
    TextStream stream = stream("END");
    assertEquals(List.of("x", "", "", "", "", "", ""), pieces(stream, "xENDyz"));
    assertTrue(stream.stopped());
  }

  @Test
  void whatIsHeldBackAtTheEndIsText() {
    TextStream stream = stream("END");
    assertEquals(List.of("x", "", "", "EN"), pieces(stream, "xEN"));
    assertFalse(stream.stopped());
  }

  // After "aa", another a makes the first one text: the stop string may begin one later.
  @Test
  void aStopStringIsFoundWhereItOverlapsItsOwnBeginning() {
    TextStream stream = stream("aab");
    assertEquals(List.of("", "", "a", "", ""), pieces(stream, "aaab"));
    assertTrue(stream.stopped());
  }

  @Test
  void ofSeveralStopStringsTheOneThatComesFirstEndsTheText() {
    TextStream stream = stream("three", "two", "e t");
    assertEquals("on", String.join("", pieces(stream, "one two three")));
    assertTrue(stream.stopped());
  }

  @Test
  void aStopStringMayBeOfManyByteCharacters() {
    TextStream stream = stream("é😀");
    assertEquals("aé€", String.join("", pieces(stream, "aé€é😀b")));
    assertTrue(stream.stopped());
  }

  @Test
  void specialTokensAreNoTextAndHoldNothingBack() {
    TextStream stream = stream("ab");
    assertEquals("", stream.accept('a'));
    assertEquals("", stream.accept(256));
    assertEquals("", stream.accept('b'));
    assertTrue(stream.stopped());
  }

  @Test
  void anEmptyStopStringStopsNothing() {
    assertEquals("abc", String.join("", pieces(stream(""), "abc")));
  }
}
