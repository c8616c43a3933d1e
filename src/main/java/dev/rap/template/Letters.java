package dev.rap.template;

import java.util.Locale;
import java.util.function.IntPredicate;

/** Upper and lower case, and kinds of characters. */
final class Letters {
  private static final String WITHIN_WORDS =
      "'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";

  private Letters() {}

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  // Java looks for the ends of words from the start of the text, at each capital sigma.
  static String lower(String text) {
    StringBuilder out = new StringBuilder();
    int done = 0;
    for (int at = text.indexOf('Σ'); at >= 0; at = text.indexOf('Σ', done)) {
      out.append(text.substring(done, at).toLowerCase(Locale.ROOT));
      out.append(endsWord(text, at) ? 'ς' : 'σ');
      done = at + 1;
    }
    return out.append(text.substring(done).toLowerCase(Locale.ROOT)).toString();
  }

  private static boolean endsWord(String text, int at) {
    int before = at;
    while (before > 0 && isCaseIgnorable(text.codePointBefore(before))) {
      before -= Character.charCount(text.codePointBefore(before));
    }
    int behind = at + 1;
    while (behind < text.length() && isCaseIgnorable(text.codePointAt(behind))) {
      behind += Character.charCount(text.codePointAt(behind));
    }
    return before > 0
        && isCased(text.codePointBefore(before))
        && (behind == text.length() || !isCased(text.codePointAt(behind)));
  }

  private static boolean isCaseIgnorable(int c) {
    return switch (Character.getType(c)) {
      case Character.NON_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.FORMAT,
          Character.MODIFIER_LETTER,
          Character.MODIFIER_SYMBOL ->
          true;
      default -> WITHIN_WORDS.indexOf(c) >= 0;
    };
  }

  static String fold(String text) {
    return lower(upper(lower(text)).replace("ẞ", "SS")).replace('ς', 'σ');
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.codePointAt(0));
    return titled(text.substring(0, first)) + rest(text, first);
  }

  // Lower case of the rest, seen with what stands before it: a final sigma has its own.
  private static String rest(String text, int from) {
    return text.substring(from).isEmpty()
        ? ""
        : lower(text).substring(lower(text.substring(0, from)).length());
  }

  // Java has the title case of single characters only: ß becomes Ss, not SS.
  private static String titled(String character) {
    int c = character.codePointAt(0);
    int title = Character.toTitleCase(c);
    if (title != c || Character.isTitleCase(c)) {
      return Character.toString(title);
    }
    String upper = upper(character);
    return upper.length() == character.length()
        ? upper
        : upper.substring(0, 1) + lower(upper.substring(1));
  }

  static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  static String title(String text) {
    StringBuilder out = new StringBuilder();
    String lower = lower(text);
    boolean sameLength = lower.length() == text.length();
    boolean inside = false;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      int end = i + Character.charCount(c);
      String character = text.substring(i, end);
      if (!inside) {
        out.append(titled(character));
      } else {
        out.append(sameLength ? lower.substring(i, end) : lower(character));
      }
      inside = isCased(c);
      i = end;
    }
    return out.toString();
  }

  static String swapCase(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              String character = Character.toString(c);
              out.append(
                  Character.isUpperCase(c)
                      ? lower(character)
                      : Character.isLowerCase(c) ? upper(character) : character);
            });
    return out.toString();
  }

  static boolean isAlpha(int c) {
    return Character.isLetter(c);
  }

  // With what looks like a digit, such as ² and ①.
  static boolean isDigit(int c) {
    return Character.isDigit(c)
        || c == 0xB2
        || c == 0xB3
        || c == 0xB9
        || (c >= 0x2070 && c <= 0x2079 && c != 0x2071 && c != 0x2072 && c != 0x2073)
        || (c >= 0x2080 && c <= 0x2089)
        || (c >= 0x2460 && c <= 0x2468)
        || (c >= 0x2474 && c <= 0x247C)
        || (c >= 0x2488 && c <= 0x2490)
        || (c >= 0x24F5 && c <= 0x24FD)
        || (c >= 0x2776 && c <= 0x277E)
        || (c >= 0x2780 && c <= 0x2788)
        || (c >= 0x278A && c <= 0x2792);
  }

  /** {@return whether there are characters and all are of a kind} */
  static boolean all(String text, IntPredicate kind) {
    return !text.isEmpty() && text.codePoints().allMatch(kind);
  }

  /** {@return whether there are cased characters, and all of them are upper or lower} */
  static boolean cased(String text, boolean upper) {
    return text.codePoints().anyMatch(Letters::isCased)
        && text.codePoints()
            .filter(Letters::isCased)
            .allMatch(c -> upper ? Character.isUpperCase(c) : Character.isLowerCase(c));
  }

  static boolean isTitle(String text) {
    boolean any = false;
    boolean inside = false;
    for (var all = text.codePoints().iterator(); all.hasNext(); ) {
      int c = all.nextInt();
      boolean begins = Character.isUpperCase(c) || Character.isTitleCase(c);
      if (isCased(c) && begins == inside) {
        return false;
      }
      inside = isCased(c);
      any |= inside;
    }
    return any;
  }

  static boolean isIdentifier(String text) {
    if (text.isEmpty()) {
      return false;
    }
    int first = text.codePointAt(0);
    return (first == '_' || Character.isUnicodeIdentifierStart(first))
        && text.codePoints()
            .skip(1)
            .allMatch(
                c -> Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c));
  }
}
