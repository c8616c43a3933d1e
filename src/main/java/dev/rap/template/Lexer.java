package dev.rap.template;

import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template into tokens, text outside of tags first.
 *
 * <p>Whitespace is as Transformers sets it: the line break behind a tag goes ({@code trim_blocks}),
 * and what stands before a tag on its line, if it is blank ({@code lstrip_blocks}). A {@code -} in
 * a tag takes all whitespace on its side, a {@code +} keeps it.
 */
final class Lexer {
  private final Source source;
  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private boolean lineStarts = true; // the last thing read ended a line

  private Lexer(Source source) {
    this.source = source;
    this.text = source.text();
  }

  /**
   * {@return the tokens, the last of which is the end}
   *
   * @throws TemplateException if a tag, comment or string does not end, or holds what is none
   */
  static List<Token> tokens(Source source) {
    Lexer lexer = new Lexer(source);
    lexer.readAll();
    return lexer.tokens;
  }

  private void readAll() {
    while (at < text.length()) {
      int start = nextMark();
      if (start < 0) {
        data(at, text.length());
        at = text.length();
        break;
      }
      char mark = text.charAt(start + 1);
      int rawEnd = mark == '%' ? new RawTag(text, start, "raw").end() : -1;
      char sign = signAt(start + 2);
      data(at, keptEnd(at, start, sign, mark != '{'));
      if (rawEnd >= 0) {
        moveTo(rawEnd);
        readRaw(start);
      } else {
        at = start + (sign == ' ' ? 2 : 3);
        lineStarts = false;
        readMarked(mark, start);
      }
    }
    tokens.add(new Token(Token.Kind.END, "", text.length()));
  }

  private int nextMark() {
    for (int i = text.indexOf('{', at); i >= 0; i = text.indexOf('{', i + 1)) {
      if (i + 1 < text.length() && "{%#".indexOf(text.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private char signAt(int index) {
    char c = index < text.length() ? text.charAt(index) : ' ';
    return c == '-' || c == '+' ? c : ' ';
  }

  private void data(int start, int end) {
    if (start < end) {
      tokens.add(new Token(Token.Kind.DATA, text.substring(start, end), start));
    }
  }

  private void moveTo(int end) {
    lineStarts = text.charAt(end - 1) == '\n';
    at = end;
  }

  // What of the text before a tag stays.
  private int keptEnd(int start, int end, char sign, boolean strips) {
    if (sign == '-') {
      int kept = end;
      while (kept > start && CodePoints.isSpace(text.charAt(kept - 1))) {
        kept--;
      }
      return kept;
    }
    if (sign == '+' || !strips) {
      return end;
    }
    int blank = end;
    while (blank > start && text.charAt(blank - 1) != '\n') {
      if (!CodePoints.isSpace(text.charAt(blank - 1))) {
        return end;
      }
      blank--;
    }
    return blank > start || lineStarts ? blank : end;
  }

  private void readRaw(int start) {
    for (int i = text.indexOf("{%", at); i >= 0; i = text.indexOf("{%", i + 1)) {
      int end = new RawTag(text, i, "endraw").end();
      if (end >= 0) {
        data(at, keptEnd(at, i, signAt(i + 2), true));
        moveTo(end);
        return;
      }
    }
    throw source.error("this raw block does not end: '{% endraw %}' is missing", start);
  }

  private void readMarked(char mark, int start) {
    switch (mark) {
      case '#' -> readComment(start);
      case '{' -> readTag(Token.Kind.PRINT_START, Token.Kind.PRINT_END, "}}", start);
      default -> readTag(Token.Kind.TAG_START, Token.Kind.TAG_END, "%}", start);
    }
  }

  private void readComment(int start) {
    int end = text.indexOf("#}", at);
    if (end < 0) {
      throw source.error("this comment does not end: '#}' is missing", start);
    }
    boolean signed = end > at && signAt(end - 1) != ' ';
    moveTo(TagEnd.behind(text, end + 2, signed ? signAt(end - 1) : ' ', true));
  }

  private void readTag(Token.Kind first, Token.Kind last, String end, int start) {
    tokens.add(new Token(first, text.substring(start, start + 2), start));
    TagLexer inside = new TagLexer(source, at, end);
    inside.readInto(tokens);
    tokens.add(new Token(last, end, inside.endStart()));
    moveTo(inside.end());
  }
}
