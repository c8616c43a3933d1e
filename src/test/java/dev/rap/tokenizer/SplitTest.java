package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.regex.Regex;
import dev.rap.tokenizer.Split.Behavior;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Pieces are worked out by hand from the regular expressions. */
class SplitTest {
  private static final PreTokenizer GPT2 = named("gpt-2");
  private static final PreTokenizer LLAMA3 = named("llama-bpe");
  private static final PreTokenizer QWEN2 = named("qwen2");

  private static PreTokenizer named(String name) {
    return GgufPreTokenizer.named(name).orElseThrow().preTokenizer();
  }

  private static PreTokenizer at(String expression, Behavior behavior) {
    return new Split(Regex.of(expression), behavior);
  }

  private static List<String> pieces(PreTokenizer preTokenizer, String text) {
    List<String> pieces = new ArrayList<>();
    preTokenizer
        .into((section, start, end, first) -> pieces.add(section.substring(start, end)))
        .piece(text, 0, text.length(), true);
    return pieces;
  }

  @Test
  void gpt2KeepsASpaceWithTheWordBehindIt() {
    assertEquals(
        List.of("I", "'m", " 25", ",", " ", " don", "'t", "\n\n ", " x", "!?", " "),
        pieces(GPT2, "I'm 25,  don't\n\n  x!? "));
  }

  @Test
  void gpt2KnowsContractionsInLowerCaseOnly() {
    assertEquals(List.of("they", "'ll", "'", "LL", "'", "x"), pieces(GPT2, "they'll'LL'x"));
    assertEquals(List.of("'"), pieces(GPT2, "'"));
    assertEquals(List.of("'", "l"), pieces(GPT2, "'l"));
  }

  @Test
  void llama3TakesUpToThreeNumbersAndOneOtherCharacterBeforeAWord() {
    assertEquals(
        List.of("I", "'M", " ", "123", "45", " a", "\n\n", " ", " b", "\t", "(c", ")", "\td"),
        pieces(LLAMA3, "I'M 12345 a\n\n  b\t(c)\td"));
  }

  @Test
  void jais2HalvesSpacesAndSpark25CutsDigitsAndLineBreaksOneByOne() {
    assertEquals(
        List.of("a", "    ", " b", "        ", "  ", " ", "7"),
        pieces(named("jais-2"), "a" + " ".repeat(5) + "b" + " ".repeat(11) + "7"));
    assertEquals(
        List.of("a", " !", "\n", "\n", "  ", " b", "1", "2", "3", "4", ".x"),
        pieces(named("spark2_5"), "a !\n\n   b1234.x"));
  }

  @Test
  void noPreTokenizerLosesText() {
    RandomText random = new RandomText(12);
    List<String> texts = Stream.generate(random::next).limit(50).toList();
    for (String name : GgufPreTokenizer.names().split(", ", -1)) {
      PreTokenizer cuts = named(name);
      for (String text : texts) {
        assertEquals(text, String.join("", pieces(cuts, text)), name);
      }
    }
  }

  @Test
  void llama3EndsSymbolsAndSpacesWithTheirLineBreaks() {
    assertEquals(List.of(" {\r\n", " ", " }\n\n", "x"), pieces(LLAMA3, " {\r\n  }\n\nx"));
    assertEquals(List.of(" \n \r\n", "  ", " x"), pieces(LLAMA3, " \n \r\n   x"));
  }

  @Test
  void laterContractionsMayBeInAnyCaseAndSpeltWithALongS() {
    assertEquals(List.of("'LL", "x", "'ſ", "x", "'rE", "'V"), pieces(LLAMA3, "'LLx'ſx'rE'V"));
  }

  @Test
  void qwen2TakesEachNumberAlone() {
    assertEquals(List.of("a", "1", "2", "½", "Ⅷ", "b"), pieces(QWEN2, "a12½Ⅷb"));
  }

  @Test
  void charactersBeyondTheFirstPlaneAreWhole() {
    assertEquals(List.of("😀😀", "𝒳𝒴", "𝟘", "𝟙"), pieces(QWEN2, "😀😀𝒳𝒴𝟘𝟙"));
    assertEquals(List.of("😀😀", "𝒳𝒴", "𝟘𝟙"), pieces(GPT2, "😀😀𝒳𝒴𝟘𝟙"));
  }

  // U+001C is no White_Space, though Character.isWhitespace has it; U+0085 and U+00A0 are, though
  // it has not.
  @Test
  void spacesAreUnicodesWhiteSpace() {
    assertEquals(
        List.of("\u001c", "\u0085\u00a0\u2028", "\u3000", "x"),
        pieces(GPT2, "\u001c\u0085\u00a0\u2028\u3000x"));
  }

  @Test
  void matchesGoWhereTheBehaviorSays() {
    String text = "--a-b--";
    assertEquals(List.of("a", "b"), pieces(at("-", Behavior.REMOVED), text));
    assertEquals(
        List.of("-", "-", "a", "-", "b", "-", "-"), pieces(at("-", Behavior.ISOLATED), text));
    assertEquals(List.of("--", "a", "-", "b", "--"), pieces(at("-", Behavior.CONTIGUOUS), text));
    assertEquals(
        List.of("-", "-", "a-", "b-", "-"), pieces(at("-", Behavior.MERGED_WITH_PREVIOUS), text));
    assertEquals(
        List.of("-", "-a", "-b", "-", "-"), pieces(at("-", Behavior.MERGED_WITH_NEXT), text));
    assertEquals(
        List.of("-", "-", "-", "-", "-"),
        pieces(new Split(Regex.of("-"), Behavior.REMOVED, true), text));
  }

  @Test
  void anEmptyMatchCutsAndIsNoPiece() {
    assertEquals(
        List.of("1", "234", "567"),
        pieces(at("(?=(\\d{3})+(?!\\d))", Behavior.ISOLATED), "1234567"));
  }

  // Split alone, GPT-2's expression would give "a", " ", " 1": each cut sees its own region only.
  @Test
  void aCutDoesNotLookBeyondThePieceOfTheCutBefore() {
    PreTokenizer smollm = named("smollm");
    assertEquals(List.of("a", "  ", "1", "2", " b"), pieces(smollm, "a  12 b"));
  }

  @Test
  void aPrefixSpaceGoesBeforeEachPieceThatHasNone() {
    PreTokenizer prefixing =
        PreTokenizer.chain(
            List.of(at("\\p{N}", Behavior.ISOLATED), new ByteLevel(true, true, false)));
    assertEquals(List.of(" a", " ", " 1", " b"), pieces(prefixing, "a 1 b"));
    assertEquals(List.of(), pieces(prefixing, ""));
  }
}
