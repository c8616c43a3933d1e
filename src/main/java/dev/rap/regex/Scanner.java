package dev.rap.regex;

import java.util.Optional;
import java.util.function.IntPredicate;

/** Reads the words of an expression, one code point after the other. */
final class Scanner {
  private static final int MOST_DIGITS = 9;

  private final String text;
  private int at;

  Scanner(String text) {
    this.text = text;
  }

  boolean atEnd() {
    return at == text.length();
  }

  int peek() {
    return text.codePointAt(at);
  }

  int peekOrEnd() {
    if (atEnd()) {
      throw error("a \\ with nothing behind it");
    }
    return peek();
  }

  int next() {
    int c = peek();
    at += Character.charCount(c);
    return c;
  }

  int position() {
    return at;
  }

  void back(int position) {
    at = position;
  }

  boolean comes(String expected) {
    return text.startsWith(expected, at);
  }

  boolean take(char expected) {
    boolean taken = !atEnd() && text.charAt(at) == expected;
    at += taken ? 1 : 0;
    return taken;
  }

  boolean take(String expected) {
    boolean taken = comes(expected);
    at += taken ? expected.length() : 0;
    return taken;
  }

  String until(char closing) {
    int close = text.indexOf(closing, at);
    if (close < 0) {
      throw error("no %c to close what begins here".formatted(closing));
    }
    String inside = text.substring(at, close);
    at = close + 1;
    return inside;
  }

  void skipBlanksAndComments() {
    while (!atEnd() && (Character.isWhitespace(peek()) || peek() == '#')) {
      if (next() == '#') {
        int end = text.indexOf('\n', at);
        at = end < 0 ? text.length() : end;
      }
    }
  }

  /** {@return whether an interval comes; a brace that is none is itself} */
  boolean atInterval() {
    int start = at;
    boolean is = !atEnd() && peek() == '{' && interval() != null;
    at = start;
    return is;
  }

  /** {@return least and most of an interval; null if none comes} */
  int[] interval() {
    take('{');
    int digits = at;
    int least = number(10, MOST_DIGITS).orElse(0);
    boolean hasLeast = at > digits;
    boolean hasComma = take(',');
    digits = at;
    int most = hasComma ? number(10, MOST_DIGITS).orElse(Integer.MAX_VALUE) : least;
    boolean hasMost = at > digits;
    return take('}') && (hasLeast || hasMost) ? new int[] {least, most} : null;
  }

  private Optional<Integer> number(int radix, int mostDigits) {
    int start = at;
    while (!atEnd() && at < start + mostDigits && Character.digit(text.charAt(at), radix) >= 0) {
      at++;
    }
    return at == start
        ? Optional.empty()
        : Optional.of(Integer.parseInt(text.substring(start, at), radix));
  }

  /** {@return the class that an escape names, if it names one; the backslash has been read} */
  Optional<IntPredicate> classEscape() {
    int start = at;
    Optional<IntPredicate> set =
        switch (atEnd() ? -1 : next()) {
          case 's' -> Optional.of(CharClasses.SPACE);
          case 'S' -> Optional.of(CharClasses.SPACE.negate());
          case 'd' -> Optional.of(CharClasses.DIGIT);
          case 'D' -> Optional.of(CharClasses.DIGIT.negate());
          case 'w' -> Optional.of(CharClasses.WORD);
          case 'W' -> Optional.of(CharClasses.WORD.negate());
          case 'h' -> Optional.of(CharClasses.HEX);
          case 'H' -> Optional.of(CharClasses.HEX.negate());
          case 'p' -> Optional.of(property(false));
          case 'P' -> Optional.of(property(true));
          default -> Optional.empty();
        };
    if (set.isEmpty()) {
      at = start;
    }
    return set;
  }

  private IntPredicate property(boolean negated) {
    if (!take('{')) {
      throw error("a property without {");
    }
    boolean inverted = take('^');
    String name = until('}');
    IntPredicate set =
        CharClasses.property(name)
            .orElseThrow(() -> error("the property %s, which is not supported".formatted(name)));
    return negated == inverted ? set : set.negate();
  }

  /** {@return what {@code [:name:]} stands for, if it comes} */
  Optional<IntPredicate> posixBracket() {
    int close = text.indexOf(":]", at);
    if (close < 0) {
      return Optional.empty();
    }
    boolean negated = text.startsWith("^", at + 2);
    String name = text.substring(at + (negated ? 3 : 2), Math.max(close, at + 2));
    Optional<IntPredicate> set = CharClasses.bracket(name);
    if (set.isPresent()) {
      at = close + 2;
    }
    return negated ? set.map(IntPredicate::negate) : set;
  }

  /** {@return the character that an escape stands for; the backslash has been read} */
  int characterEscape() {
    int c = peekOrEnd();
    next();
    return switch (c) {
      case 't' -> '\t';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 'f' -> '\f';
      case 'v' -> 0xB;
      case 'a' -> 7;
      case 'e' -> 0x1B;
      case '0' -> number(8, 2).orElse(0);
      case 'u' -> fourDigits();
      case 'x' -> hexadecimal();
      default -> c;
    };
  }

  private int fourDigits() {
    int start = at;
    int c = number(16, 4).orElse(0);
    if (at - start < 4) {
      throw error("less than four digits behind \\u");
    }
    return c;
  }

  private int hexadecimal() {
    if (!take('{')) {
      return number(16, 2).orElse(0);
    }
    int c = number(16, 7).orElse(-1);
    if (c < 0 || c > Character.MAX_CODE_POINT || !take('}')) {
      throw error("no code point behind \\x");
    }
    return c;
  }

  IllegalArgumentException error(String what) {
    return new IllegalArgumentException(
        "the expression has at character %d %s".formatted(at, what));
  }
}
