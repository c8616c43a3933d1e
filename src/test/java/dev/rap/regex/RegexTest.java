package dev.rap.regex;

import static java.time.Duration.ofSeconds;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Matches are worked out by hand from Oniguruma's description of its Ruby syntax. */
class RegexTest {
  private static List<String> matches(String expression, String text) {
    List<String> matches = new ArrayList<>();
    Matcher matcher = Regex.of(expression).matcher().reset(text, 0, text.length());
    while (matcher.find()) {
      matches.add(text.substring(matcher.start(), matcher.end()));
    }
    return matches;
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = ' ',
      value = {
        "a|ab abab a,a",
        "ab|a aba ab,a",
        "a+?b? aab a,ab",
        "(?:ab)+ ababxab abab,ab",
        "a{2,3} aaaaa aaa,aa",
        "a{2}+ aaaaa aaaa", // a loop of a loop
        "a++a aaa ''",
        "(?>a+)b aab aab",
        "[a-c&&[^b]]+ abcab a,ca",
        "[]a]+ a]b a]",
        "[a-]+ a-b a-",
        "\\h+ xfaceg face",
        "(?i:'s|'ll) x'Sy'lL 'S,'lL",
        "(?i)k k\u212AK k,\u212A,K",
        "\\b\\w+\\b ab-cd ab,cd",
        "(?<=a)b abcb b",
        "(?<!a)b abcb b",
        "a(?=b) abac a",
        "a(?!b) abac a",
        "(?:a?)* aa aa",
        "[[:punct:]]+ a+!b +!",
        "\\p{Punct}+ a+!b !",
        "\\p{^L}+ ab12c 12"
      })
  void findsWhatOnigurumaDoes(String expression, String text, String expected) {
    String plain = expression.replace("\\u212A", "\u212A");
    List<String> found = new ArrayList<>(matches(plain, text.replace("\\u212A", "\u212A")));
    found.removeIf(String::isEmpty);
    assertEquals(expected.replace("\\u212A", "\u212A"), String.join(",", found));
  }

  @Test
  void spacesAreThe25OfTheUnicodeDatabase() {
    Matcher spaces = Regex.of("\\s").matcher();
    String text =
        IntStream.range(0, 0xD800)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
    spaces.reset(text, 0, text.length());
    int count = 0;
    while (spaces.find()) {
      count++;
    }
    assertEquals(25, count); // PropList.txt, White_Space
  }

  // UnicodeData.txt has mappings of case up to U+1E943; CharClasses looks no farther than plane 1.
  @Test
  void noCharacterOfThePlanesAboveOneHasCase() {
    assertEquals(
        0,
        IntStream.rangeClosed(0x20000, Character.MAX_CODE_POINT)
            .filter(c -> Character.toLowerCase(c) != c || Character.toUpperCase(c) != c)
            .count());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(",
        ")",
        "[a",
        "a**b(",
        "*a",
        "(?<a",
        "\\",
        "\\1",
        "[b-a]",
        "\\p{Nothing}",
        "\\x{110000}",
        "(?y:a)",
        "(?<=a*)b",
        "(?:ab){20000}"
      })
  void whatIsNoExpressionIsRefusedInASentence(String expression) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Regex.of(expression)).getMessage();
    assertTrue(message.startsWith("the expression "), message);
  }

  private static Stream<String> hostile() {
    return Stream.of(
        "a" + "*".repeat(4000),
        "[" + "a".repeat(4000) + "]",
        "(?i)[" + "a".repeat(4000) + "]",
        "(((){1000}){1000}){1000}");
  }

  @ParameterizedTest
  @MethodSource("hostile")
  @Timeout(10)
  void whatWouldTakeTheStackOrAllTimeIsRefused(String expression) {
    whatIsNoExpressionIsRefusedInASentence(expression);
  }

  @Test
  void manyAlternativesNeedNoStack() {
    assertEquals(List.of("a"), matches("a|".repeat(2000) + "\\x{1F601}", "\uD83D\uDE00a"));
  }

  @Test
  void anExpressionThatWouldTakeForEverSaysSo() {
    String text = "a".repeat(60);
    InputException e = assertThrows(InputException.class, () -> matches("(a+)+$b", text));
    assertTrue(e.getMessage().contains("takes more than"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\s+(?!\\S)|\\s+", "(?:a|b)+", "[a-z]+[0-9]|[a-z]+", "(?:ab?)*c?"})
  void aLongTextNeedsNoStackAndLittleTime(String expression) {
    String text = "a".repeat(1 << 20);
    assertTimeout(ofSeconds(60), () -> matches(expression, text));
  }
}
