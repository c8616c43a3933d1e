package dev.rap.tokenizer;

import java.util.List;
import java.util.Optional;

/**
 * Cuts added tokens out of a text, and normalises what lies between them.
 *
 * <p>Tokens that want the text as it came are cut out first, then the sections between them are
 * normalised, then the other tokens are cut out. From left to right, and of several that begin at
 * one place the longest.
 */
final class AddedTokens {
  private final TokenTrie exact = new TokenTrie();
  private final TokenTrie normalized = new TokenTrie();
  private final Normalizer normalizer;

  /**
   * @param tokens empty ones are never found
   * @param normalizer of text, and of what normalised tokens are looked for by
   */
  AddedTokens(List<AddedToken> tokens, Normalizer normalizer) {
    this.normalizer = normalizer;
    for (AddedToken token : tokens) {
      String pattern = token.normalized() ? normalizer.apply(token.content()) : token.content();
      if (!pattern.isEmpty()) {
        (token.normalized() ? normalized : exact).add(pattern, token);
      }
    }
  }

  /** Takes what a text consists of, in order. */
  interface Sections {
    /**
     * Takes a section that is not empty.
     *
     * @param first whether all text begins with it
     */
    void text(String section, boolean first);

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
        true,
        new Sections() {
          @Override
          public void text(String section, boolean first) {
            cut(normalizer.apply(section), normalized, special, first, sections);
          }

          @Override
          public void token(int id) {
            sections.token(id);
          }
        });
  }

  private static void cut(
      String text, TokenTrie trie, boolean special, boolean first, Sections sections) {
    int done = 0;
    int stripped = 0; // spaces have been taken in up to here
    for (int at = trie.candidate(text, 0); at < text.length(); at = trie.candidate(text, at)) {
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
          sections.text(text.substring(done, from), first && done == 0);
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
      sections.text(text.substring(done), first && done == 0);
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
        (start > 0 && UnicodeVersions.isWord(text.codePointBefore(start)))
            || (end < text.length() && UnicodeVersions.isWord(text.codePointAt(end)));
    return !touched;
  }

  private static int spacesBefore(String text, int limit, int end) {
    int start = end;
    while (start > limit && UnicodeVersions.isSpace(text.charAt(start - 1))) {
      start--;
    }
    return start;
  }

  private static int spacesBehind(String text, int start) {
    int end = start;
    while (end < text.length() && UnicodeVersions.isSpace(text.charAt(end))) {
      end++;
    }
    return end;
  }
}
