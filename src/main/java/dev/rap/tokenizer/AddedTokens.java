package dev.rap.tokenizer;

import java.text.Normalizer;
import java.text.Normalizer.Form;
import java.util.List;
import java.util.Optional;

/**
 * Cuts added tokens out of a text, and normalises what lies between them.
 *
 * <p>Tokens that want the text as it came are cut out first, then the sections between them are
 * normalised, then the other tokens are cut out. From left to right, and of several that begin at
 * one place the longest.
 *
 * <p>Normalisation to NFC is Java's. Hugging Face's knows Unicode 9 only: it neither reorders nor
 * composes what was encoded since, 120 combining marks of rare scripts above all.
 */
final class AddedTokens {
  private final TokenTrie exact = new TokenTrie();
  private final TokenTrie normalized = new TokenTrie();
  private final boolean nfc;

  /**
   * @param tokens empty ones are never found
   * @param nfc whether text is normalised to NFC
   */
  AddedTokens(List<AddedToken> tokens, boolean nfc) {
    this.nfc = nfc;
    for (AddedToken token : tokens) {
      if (!token.content().isEmpty()) {
        TokenTrie trie = token.normalized() ? normalized : exact;
        trie.add(token.normalized() ? normalize(token.content()) : token.content(), token);
      }
    }
  }

  /** Takes what a text consists of, in order. */
  interface Sections {
    void text(String section);

    void token(int id);
  }

  /**
   * Hands the sections of a well-formed text on.
   *
   * @param special whether special tokens are looked for
   */
  void split(String text, boolean special, Sections sections) {
    cut(
        text,
        exact,
        special,
        new Sections() {
          @Override
          public void text(String section) {
            cut(normalize(section), normalized, special, sections);
          }

          @Override
          public void token(int id) {
            sections.token(id);
          }
        });
  }

  private String normalize(String text) {
    return nfc ? Normalizer.normalize(text, Form.NFC) : text;
  }

  private static void cut(String text, TokenTrie trie, boolean special, Sections sections) {
    if (trie.isEmpty()) {
      sections.text(text);
      return;
    }
    int done = 0;
    int stripped = 0; // spaces have been taken in up to here
    for (int at = 0; at < text.length(); ) {
      Optional<TokenTrie.Match> match = trie.longest(text, at);
      if (match.isEmpty()) {
        at++;
        continue;
      }
      AddedToken token = match.get().token();
      int end = match.get().end();
      if (accepts(token, text, at, end, special)) {
        int from = token.leftStrip() ? spacesBefore(text, done, at) : at;
        if (done < from) {
          sections.text(text.substring(done, from));
        }
        sections.token(token.id());
        done = end;
        if (token.rightStrip()) {
          stripped = spacesBehind(text, Math.max(end, stripped));
          done = stripped;
        }
      }
      at = end;
    }
    if (done < text.length()) {
      sections.text(text.substring(done));
    }
  }

  private static boolean accepts(
      AddedToken token, String text, int start, int end, boolean special) {
    if (token.special() && !special) {
      return false;
    }
    if (!token.singleWord()) {
      return true;
    }
    boolean touched =
        (start > 0 && CharacterKind.isWord(text.codePointBefore(start)))
            || (end < text.length() && CharacterKind.isWord(text.codePointAt(end)));
    return !touched;
  }

  private static int spacesBefore(String text, int limit, int end) {
    int start = end;
    while (start > limit && CharacterKind.of(text.charAt(start - 1)) == CharacterKind.SPACE) {
      start--;
    }
    return start;
  }

  private static int spacesBehind(String text, int start) {
    int end = start;
    while (end < text.length() && CharacterKind.of(text.charAt(end)) == CharacterKind.SPACE) {
      end++;
    }
    return end;
  }
}
