package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Cuts what is inside a tag into tokens. */
final class TagLexer {
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private static final int MOST_DIGITS = 4300;

  private final Source source;
  private final String text;
  private final String ending; // }} or %}
  private final Deque<String> open = new ArrayDeque<>(); // what closes the brackets that are open
  private int at;
  private int endStart;

  TagLexer(Source source, int at, String ending) {
    this.source = source;
    this.text = source.text();
    this.at = at;
    this.ending = ending;
  }

  /** Adds the tokens up to the end of the tag. */
  void readInto(List<Token> tokens) {
    while (!readEnd()) {
      at = TagEnd.spacesEnd(text, at);
      if (at >= text.length()) {
        throw source.error("the template ends within a tag: '%s' is missing".formatted(ending), at);
      }
      if (!readEnd()) {
        tokens.add(next());
      } else {
        return;
      }
    }
  }

  /** {@return where the end of the tag begins} */
  int endStart() {
    return endStart;
  }

  /** {@return where the text goes on} */
  int end() {
    return at;
  }

  // Within brackets }} closes two of them.
  private boolean readEnd() {
    if (!open.isEmpty()) {
      return false;
    }
    boolean tag = ending.equals("%}");
    for (char sign : tag ? new char[] {'+', '-', ' '} : new char[] {'-', ' '}) {
      String end = sign == ' ' ? ending : sign + ending;
      if (text.startsWith(end, at)) {
        endStart = at;
        at = TagEnd.behind(text, at + end.length(), sign, tag);
        return true;
      }
    }
    return false;
  }

  private Token next() {
    char c = text.charAt(at);
    if (c >= '0' && c <= '9') {
      return number();
    }
    if (CodePoints.isWord(text.codePointAt(at))) {
      return name();
    }
    if (c == '\'' || c == '"') {
      return string(c);
    }
    return operator();
  }

  private Token name() {
    int start = at;
    while (at < text.length() && isNamePart(text.codePointAt(at))) {
      at += Character.charCount(text.codePointAt(at));
    }
    return new Token(Token.Kind.NAME, text.substring(start, at), start);
  }

  private static boolean isNamePart(int c) {
    return CodePoints.isWord(c) || (c > 0x7F && Character.isUnicodeIdentifierPart(c));
  }

  private Token operator() {
    for (String sign : OPERATORS) {
      if (text.startsWith(sign, at)) {
        balance(sign);
        at += sign.length();
        return new Token(Token.Kind.OPERATOR, sign, at - sign.length());
      }
    }
    throw source.error(
        "the character %s means nothing here"
            .formatted(Text.quote(CodePoints.at(text.substring(at), 0))),
        at);
  }

  private void balance(String sign) {
    switch (sign) {
      case "(" -> open.push(")");
      case "[" -> open.push("]");
      case "{" -> open.push("}");
      case ")", "]", "}" -> {
        if (open.isEmpty() || !open.pop().equals(sign)) {
          throw source.error("this '%s' closes no bracket".formatted(sign), at);
        }
      }
      default -> {}
    }
  }

  private Token string(char mark) {
    int start = at++;
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '\\') {
        at++;
      } else if (c == mark) {
        Escapes escapes = new Escapes(source, start + 1, at - 1);
        return new Token(Token.Kind.STRING, escapes.unescaped(), start);
      }
    }
    throw source.error("this string does not end", start);
  }

  private Token number() {
    int start = at;
    int end = start > 0 && text.charAt(start - 1) == '.' ? start : floatEnd(start);
    if (end > start) {
      at = end;
      double value = Double.parseDouble(text.substring(start, end).replace("_", ""));
      return new Token(Token.Kind.FLOAT, value, start);
    }
    return integer(start);
  }

  // Digits with a fraction, an exponent, or both; start if it is an integer.
  private int floatEnd(int start) {
    int whole = digitsEnd(start, 10);
    int fraction =
        whole < text.length() && text.charAt(whole) == '.' ? digitsEnd(whole + 1, 10) : -1;
    int mantissa = fraction > whole + 1 ? fraction : whole;
    int exponent = exponentEnd(mantissa);
    if (exponent > mantissa) {
      return exponent;
    }
    return mantissa > whole ? mantissa : start;
  }

  private int exponentEnd(int mantissa) {
    if (mantissa >= text.length() || "eE".indexOf(text.charAt(mantissa)) < 0) {
      return mantissa;
    }
    int digits = mantissa + 1;
    if (digits < text.length() && "+-".indexOf(text.charAt(digits)) >= 0) {
      digits++;
    }
    int end = digitsEnd(digits, 10);
    return end > digits ? end : mantissa;
  }

  // Digits, between which single underscores may stand.
  private int digitsEnd(int start, int radix) {
    int end = start;
    while (end < text.length()) {
      boolean under = text.charAt(end) == '_' && end > start && end + 1 < text.length();
      if (isDigit(text.charAt(end), radix)) {
        end++;
      } else if (under && isDigit(text.charAt(end + 1), radix)) {
        end += 2;
      } else {
        break;
      }
    }
    return end;
  }

  private static boolean isDigit(char c, int radix) {
    return c < 0x80 && Character.digit(c, radix) >= 0;
  }

  private Token integer(int start) {
    int radix = radix(start);
    int digits = start;
    if (radix != 10) {
      digits += text.charAt(start + 2) == '_' ? 3 : 2;
    }
    at = digitsEnd(digits, radix);
    if (radix == 10 && text.charAt(start) == '0') { // 007 is three numbers
      at = start + 1;
      while (at < text.length() && (text.charAt(at) == '0' || text.startsWith("_0", at))) {
        at += text.charAt(at) == '0' ? 1 : 2;
      }
    }
    String plain = text.substring(digits, at).replace("_", "");
    if (plain.length() > MOST_DIGITS) {
      throw source.error("this integer has more than %d digits".formatted(MOST_DIGITS), start);
    }
    return new Token(Token.Kind.INTEGER, new BigInteger(plain, radix), start);
  }

  private int radix(int start) {
    if (text.charAt(start) != '0' || start + 2 >= text.length()) {
      return 10;
    }
    int radix =
        switch (text.charAt(start + 1)) {
          case 'b', 'B' -> 2;
          case 'o', 'O' -> 8;
          case 'x', 'X' -> 16;
          default -> 10;
        };
    int first = text.charAt(start + 2) == '_' ? start + 3 : start + 2;
    return first < text.length() && isDigit(text.charAt(first), radix) ? radix : 10;
  }
}
