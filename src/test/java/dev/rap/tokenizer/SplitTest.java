package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Pieces are worked out by hand from the regular expressions. */
class SplitTest {
  private static List<String> pieces(Split split, String text) {
    List<String> pieces = new ArrayList<>();
    for (int at = 0; at < text.length(); ) {
      int end = split.end(text, at, text.length());
      pieces.add(text.substring(at, end));
      at = end;
    }
    return pieces;
  }

  private static List<String> pieces(PreTokenizer preTokenizer, String text) {
    List<String> pieces = new ArrayList<>();
    preTokenizer.split(text, (section, start, end) -> pieces.add(section.substring(start, end)));
    return pieces;
  }

  @Test
  void gpt2KeepsASpaceWithTheWordBehindIt() {
    assertEquals(
        List.of("I", "'m", " 25", ",", " ", " don", "'t", "\n\n ", " x", "!?", " "),
        pieces(Split.GPT2, "I'm 25,  don't\n\n  x!? "));
  }

  @Test
  void gpt2KnowsContractionsInLowerCaseOnly() {
    assertEquals(List.of("they", "'ll", "'", "LL", "'", "x"), pieces(Split.GPT2, "they'll'LL'x"));
    assertEquals(List.of("'"), pieces(Split.GPT2, "'"));
    assertEquals(List.of("'", "l"), pieces(Split.GPT2, "'l"));
  }

  @Test
  void llama3TakesUpToThreeNumbersAndOneOtherCharacterBeforeAWord() {
    assertEquals(
        List.of("I", "'M", " ", "123", "45", " a", "\n\n", " ", " b", "\t", "(c", ")", "\td"),
        pieces(Split.LLAMA3, "I'M 12345 a\n\n  b\t(c)\td"));
  }

  @Test
  void llama3EndsSymbolsAndSpacesWithTheirLineBreaks() {
    assertEquals(List.of(" {\r\n", " ", " }\n\n", "x"), pieces(Split.LLAMA3, " {\r\n  }\n\nx"));
    assertEquals(List.of(" \n \r\n", "  ", " x"), pieces(Split.LLAMA3, " \n \r\n   x"));
  }

  @Test
  void laterContractionsMayBeInAnyCaseAndSpeltWithALongS() {
    assertEquals(List.of("'LL", "x", "'ſ", "x", "'rE", "'V"), pieces(Split.LLAMA3, "'LLx'ſx'rE'V"));
  }

  @Test
  void qwen2TakesEachNumberAlone() {
    assertEquals(List.of("a", "1", "2", "½", "Ⅷ", "b"), pieces(Split.QWEN2, "a12½Ⅷb"));
  }

  @Test
  void charactersBeyondTheFirstPlaneAreWhole() {
    assertEquals(List.of("😀😀", "𝒳𝒴", "𝟘", "𝟙"), pieces(Split.QWEN2, "😀😀𝒳𝒴𝟘𝟙"));
    assertEquals(List.of("😀😀", "𝒳𝒴", "𝟘𝟙"), pieces(Split.GPT2, "😀😀𝒳𝒴𝟘𝟙"));
  }

  // U+001C is no White_Space, though Character.isWhitespace has it; U+0085 and U+00A0 are, though
  // it has not.
  @Test
  void spacesAreUnicodesWhiteSpace() {
    assertEquals(
        List.of("\u001c", "\u0085\u00a0\u2028", "\u3000", "x"),
        pieces(Split.GPT2, "\u001c\u0085\u00a0\u2028\u3000x"));
  }

  @Test
  void digitsStandAloneOrInRuns() {
    assertEquals(List.of("ab ", "1", "2", " c"), pieces(Split.DIGITS, "ab 12 c"));
    assertEquals(List.of("ab ", "12", " c"), pieces(Split.DIGIT_RUNS, "ab 12 c"));
  }

  // Split alone, GPT-2's expression would give "a", " ", " 1": each cut sees its own region only.
  @Test
  void aCutDoesNotLookBeyondThePieceOfTheCutBefore() {
    PreTokenizer smollm = PreTokenizer.named("smollm").orElseThrow();
    assertEquals(List.of("a", "  ", "1", "2", " b"), pieces(smollm, "a  12 b"));
  }

  @Test
  void aPrefixSpaceGoesBeforeEachPieceThatHasNone() {
    PreTokenizer prefixing = new PreTokenizer(List.of(Split.DIGITS), true, Optional.of(Split.GPT2));
    assertEquals(List.of(" a", " ", " 1", " b"), pieces(prefixing, "a 1 b"));
    assertEquals(List.of(), pieces(prefixing, ""));
  }
}
