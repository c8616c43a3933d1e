package dev.rap.tokenizer;

import dev.rap.regex.Matcher;
import dev.rap.regex.Regex;
import java.text.Normalizer.Form;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/** The changes that Hugging Face's normalizers make. */
final class Normalizers {
  private Normalizers() {}

  /** {@return a normal form, as of {@link UnicodeVersions}} */
  static Normalizer form(Form form) {
    return text -> isAscii(text) ? text : normalized(text, form);
  }

  private static boolean isAscii(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) >= 0x80) {
        return false;
      }
    }
    return true;
  }

  private static String normalized(String text, Form form) {
    StringBuilder out = new StringBuilder();
    int done = 0;
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      int next = at + Character.charCount(c);
      if (UnicodeVersions.NOT_NORMALIZED.get(c)) {
        out.append(java.text.Normalizer.normalize(text.substring(done, at), form));
        out.appendCodePoint(c);
        done = next;
      }
      at = next;
    }
    return done == 0
        ? java.text.Normalizer.normalize(text, form)
        : out.append(java.text.Normalizer.normalize(text.substring(done), form)).toString();
  }

  /** {@return each character in lower case, whatever its neighbours} */
  static Normalizer lowercase() {
    return mapping(c -> c == 0x130 ? "i\u0307" : Character.toString(UnicodeVersions.lowerCase(c)));
  }

  /** {@return all characters but marks} */
  static Normalizer stripAccents() {
    return mapping(c -> UnicodeVersions.isMark(c) ? "" : Character.toString(c));
  }

  private static Normalizer mapping(IntFunction<String> map) {
    return text -> {
      StringBuilder out = new StringBuilder(text.length());
      text.codePoints().forEach(c -> out.append(map.apply(c)));
      return out.toString();
    };
  }

  /** {@return what SentencePiece's nmt rules do: no controls, one kind of space} */
  static Normalizer nmt() {
    IntPredicate dropped =
        c ->
            (c >= 1 && c <= 8)
                || c == 0xB
                || (c >= 0xE && c <= 0x1F)
                || c == 0x7F
                || c == 0x8F
                || c == 0x9F;
    IntPredicate space =
        c ->
            c == '\t'
                || c == '\n'
                || c == '\f'
                || c == '\r'
                || c == 0x1680
                || (c >= 0x200B && c <= 0x200F)
                || c == 0x2028
                || c == 0x2029
                || c == 0x2581
                || c == 0xFEFF
                || c == 0xFFFD;
    return mapping(c -> dropped.test(c) ? "" : space.test(c) ? " " : Character.toString(c));
  }

  /** {@return text without the spaces at its ends} */
  static Normalizer strip(boolean left, boolean right) {
    return text -> {
      int start = 0;
      int end = text.length();
      while (left && start < end && UnicodeVersions.isSpace(text.charAt(start))) {
        start++;
      }
      while (right && start < end && UnicodeVersions.isSpace(text.charAt(end - 1))) {
        end--;
      }
      return text.substring(start, end);
    };
  }

  /** {@return text with something before it, if it is not empty} */
  static Normalizer prepend(String prefix) {
    return text -> text.isEmpty() ? text : prefix + text;
  }

  /** {@return text with {@code replacement} for each {@code literal}} */
  static Normalizer replace(String literal, String replacement) {
    return literal.isEmpty()
        ? replace(Regex.literal(literal), replacement)
        : text -> text.replace(literal, replacement);
  }

  /** {@return text with {@code replacement} for each match} */
  static Normalizer replace(Regex regex, String replacement) {
    return text -> {
      Matcher matcher = regex.matcher().reset(text, 0, text.length());
      StringBuilder out = new StringBuilder();
      int done = 0;
      while (matcher.find()) {
        out.append(text, done, matcher.start()).append(replacement);
        done = matcher.end();
      }
      return out.append(text, done, text.length()).toString();
    };
  }
}
