package dev.rap.template;

import java.util.Iterator;
import java.util.NoSuchElementException;

/** Strings as Python sees them: a character is a code point. */
final class CodePoints {
  private CodePoints() {}

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** {@return the characters from {@code start} to before {@code end}} */
  static String slice(String text, int start, int end) {
    int from = text.offsetByCodePoints(0, start);
    return text.substring(from, text.offsetByCodePoints(from, end - start));
  }

  static String at(String text, int index) {
    return slice(text, index, index + 1);
  }

  /** {@return the last character of a text that is not empty} */
  static String last(String text) {
    return text.substring(text.offsetByCodePoints(text.length(), -1));
  }

  static Iterator<Object> iterate(String text) {
    return new Iterator<>() {
      private int at;

      @Override
      public boolean hasNext() {
        return at < text.length();
      }

      @Override
      public Object next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        int start = at;
        at += Character.charCount(text.codePointAt(at));
        return text.substring(start, at);
      }
    };
  }

  /** {@return whether Python's {@code isspace} holds} */
  static boolean isSpace(int c) {
    return (c >= 0x09 && c <= 0x0D)
        || (c >= 0x1C && c <= 0x20)
        || c == 0x85
        || c == 0xA0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200A)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202F
        || c == 0x205F
        || c == 0x3000;
  }

  /** {@return whether Python's {@code isprintable} holds} */
  static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  static boolean isWord(int c) {
    return c == '_' || Character.isLetter(c) || isNumeric(c);
  }

  static boolean isNumeric(int c) {
    return switch (Character.getType(c)) {
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
      default -> false;
    };
  }

  /** {@return {@code text} without the characters of a kind at its ends} */
  static String strip(
      String text, boolean left, boolean right, java.util.function.IntPredicate drops) {
    int start = 0;
    int end = text.length();
    while (left && start < end && drops.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    while (right && end > start && drops.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(start, end);
  }
}
