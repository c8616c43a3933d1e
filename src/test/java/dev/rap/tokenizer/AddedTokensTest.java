package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AddedTokensTest {
  private static List<String> sections(AddedTokens tokens, String text, boolean special) {
    List<String> sections = new ArrayList<>();
    tokens.split(
        text,
        special,
        new AddedTokens.Sections() {
          @Override
          public void text(String section, boolean first) {
            sections.add(section);
          }

          @Override
          public void token(int id) {
            sections.add("#" + id);
          }
        });
    return sections;
  }

  private static AddedTokens only(AddedToken token) {
    return new AddedTokens(List.of(token), text -> text);
  }

  @Test
  void theLongestOfSeveralTokensIsTaken() {
    AddedTokens tokens =
        new AddedTokens(
            List.of(AddedToken.exact(1, "<a", true), AddedToken.exact(2, "<ab>", true)),
            text -> text);
    assertEquals(List.of("x", "#2", "#1", "b"), sections(tokens, "x<ab><ab", true));
  }

  @Test
  void specialTokensAreTextWhereTheyAreNotWanted() {
    AddedTokens tokens = only(AddedToken.exact(1, "<s>", true));
    assertEquals(List.of("a<s>b"), sections(tokens, "a<s>b", false));
    assertEquals(List.of("a", "#1", "b"), sections(tokens, "a<s>b", true));
  }

  @Test
  void aTokenTakesInTheSpacesBesideItIfItSaysSo() {
    AddedTokens left = only(new AddedToken(1, "<m>", true, false, true, false, false));
    assertEquals(List.of("a", "#1", "  b"), sections(left, "a \n<m>  b", true));
    AddedTokens right = only(new AddedToken(1, "<m>", true, false, false, true, false));
    assertEquals(List.of("a \n", "#1", "b"), sections(right, "a \n<m>  b", true));
  }

  @Test
  void aSingleWordIsNotTouchedByWordCharacters() {
    AddedTokens tokens = only(new AddedToken(1, "foo", false, true, false, false, false));
    assertEquals(
        List.of("#1", " xfoo foo_ foó (", "#1", ")"),
        sections(tokens, "foo xfoo foo_ foó (foo)", false));
  }

  @Test
  void textIsNormalisedBeforeNormalisedTokensAreLookedFor() {
    AddedTokens tokens =
        new AddedTokens(
            List.of(
                new AddedToken(1, "e\u0301", false, false, false, false, true),
                AddedToken.exact(2, "o\u0301", false)),
            Normalizers.form(Form.NFC));
    // The exact token is found in the text as it came only.
    assertEquals(
        List.of("#1", "#1", "#2", "\u00f3\u00e1"),
        sections(tokens, "\u00e9e\u0301o\u0301\u00f3a\u0301", false));
  }
}
