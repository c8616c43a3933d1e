package dev.rap.tokenizer;

import java.util.BitSet;
import java.util.HexFormat;

/**
 * Where Hugging Face's libraries follow another version of Unicode than Java 25, which has 16.
 *
 * <p>Regular expressions do not. Normal forms, accents and punctuation stand still at Unicode 9;
 * digits and lower case are those of Unicode 17. Models were trained on what these libraries do, so
 * RAP does the same. The sets were found by asking tokenizers 0.23.3 for every code point.
 */
final class UnicodeVersions {
  /** What normal forms of Unicode 9 leave as it is, though it decomposes, composes or reorders. */
  static final BitSet NOT_NORMALIZED =
      set(
          "7FD 897-89F 8CA-8D3 9FE C3C D3B-D3C EBA 1715 1ABF-1ACE 1DF6-1DFA 32FF A7F2-A7F4 A82C"
              + " AB69 105C9 105D2 105DA 105E4 10781-10785 10787-107B0 107B2-107BA 10D24-10D27"
              + " 10D69-10D6D 10EAB-10EAC 10EFD-10EFF 10F46-10F50 10F82-10F85 11070 1133B"
              + " 11382-11385 1138B 1138E 11390-11391 113C2 113C5 113C7-113C8 113CE-113D0 1145E"
              + " 11839-1183A 11935 11938 1193D-1193E 11943 119E0 11A34 11A47 11A99 11D42"
              + " 11D44-11D45 11D97 11F41-11F42 1611E 16121-16129 1612F 16D63 16D67-16D6A"
              + " 16FF0-16FF1 1CCD6-1CCF9 1E030-1E06D 1E08F 1E130-1E136 1E2AE 1E2EC-1E2EF"
              + " 1E4EC-1E4EF 1E5EE-1E5EF 1F16C 1FBF0-1FBF9");

  /** What is a mark in one of Unicode 9 and 16 and not in the other. */
  private static final BitSet OTHER_MARKS =
      set(
          "7FD 897-89F 8CA-8D3 9FE AFA-AFF B55 C04 C3C CF3 D00 D3B-D3C D81 EBA ECE 1715 180F"
              + " 1ABF-1ACE 1CF2-1CF3 1CF7 1DF6-1DFA A82C A8FF 10D24-10D27 10D69-10D6D"
              + " 10EAB-10EAC 10EFC-10EFF 10F46-10F50 10F82-10F85 11070 11073-11074 110C2"
              + " 11145-11146 111C9 111CE-111CF 11241 1133B 113B8-113C0 113C2 113C5 113C7-113CA"
              + " 113CC-113D0 113D2 113E1-113E2 1145E 1182C-1183A 11930-11935 11937-11938"
              + " 1193B-1193E 11940 11942-11943 119D1-119D7 119DA-119E0 119E4 11A01-11A0A"
              + " 11A33-11A39 11A3B-11A3E 11A47 11A51-11A5B 11A8A-11A99 11D31-11D36 11D3A"
              + " 11D3C-11D3D 11D3F-11D45 11D47 11D8A-11D8E 11D90-11D91 11D93-11D97 11EF3-11EF6"
              + " 11F00-11F01 11F03 11F34-11F3A 11F3E-11F42 11F5A 13440 13447-13455 1611E-1612F"
              + " 16F4F 16F7F-16F87 16FE4 16FF0-16FF1 1CF00-1CF2D 1CF30-1CF46 1E08F 1E130-1E136"
              + " 1E2AE 1E2EC-1E2EF 1E4EC-1E4EF 1E5EE-1E5EF");

  /** What is punctuation in one of Unicode 9 and 16 and not in the other. */
  private static final BitSet OTHER_PUNCTUATION =
      set(
          "61D 9FD A76 C77 C84 166D 1B4E-1B4F 1B7D-1B7F 2E43-2E4F 2E52-2E5D 10D6E 10EAD 10F55-10F59"
              + " 10F86-10F89 111C9 113D4-113D5 113D7-113D8 1144B-1144F 1145A-1145B 1145D"
              + " 11660-1166C 116B9 1183B 11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2"
              + " 11B00-11B09 11BE1 11C41-11C45 11C70-11C71 11EF7-11EF8 11F43-11F4F 11FFF"
              + " 12FF1-12FF2 16D6D-16D6F 16E97-16E9A 16FE2 1E5FF 1E95E-1E95F");

  private UnicodeVersions() {}

  private static BitSet set(String ranges) {
    BitSet set = new BitSet();
    for (String range : ranges.split(" ", -1)) {
      int dash = range.indexOf('-');
      int first = HexFormat.fromHexDigits(dash < 0 ? range : range.substring(0, dash));
      int last = dash < 0 ? first : HexFormat.fromHexDigits(range.substring(dash + 1));
      set.set(first, last + 1);
    }
    return set;
  }

  static boolean isMark(int c) {
    boolean isMark =
        switch (Character.getType(c)) {
          case Character.NON_SPACING_MARK,
              Character.ENCLOSING_MARK,
              Character.COMBINING_SPACING_MARK ->
              true;
          default -> false;
        };
    return isMark != OTHER_MARKS.get(c);
  }

  /** {@return whether a code point is punctuation, or a symbol of ASCII} */
  static boolean isPunctuation(int c) {
    if (c < 0x80) {
      return c > ' ' && c < 0x7F && !Character.isLetterOrDigit(c);
    }
    boolean isPunctuation =
        switch (Character.getType(c)) {
          case Character.CONNECTOR_PUNCTUATION,
              Character.DASH_PUNCTUATION,
              Character.START_PUNCTUATION,
              Character.END_PUNCTUATION,
              Character.INITIAL_QUOTE_PUNCTUATION,
              Character.FINAL_QUOTE_PUNCTUATION,
              Character.OTHER_PUNCTUATION ->
              true;
          default -> false;
        };
    return isPunctuation != OTHER_PUNCTUATION.get(c);
  }

  /** {@return whether a code point is a number} */
  static boolean isNumber(int c) {
    return switch (Character.getType(c)) {
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
      default -> (c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6);
    };
  }

  /** {@return a code point in lower case; that of İ is two, which this does not know} */
  static int lowerCase(int c) {
    if (c == 0xA7CE || c == 0xA7D2 || c == 0xA7D4) {
      return c + 1;
    }
    return c >= 0x16EA0 && c <= 0x16EB8 ? c + 0x1B : Character.toLowerCase(c);
  }

  /** {@return whether a code point is a word character} */
  static boolean isWord(int c) {
    return Character.isAlphabetic(c)
        || switch (Character.getType(c)) {
          case Character.NON_SPACING_MARK,
              Character.ENCLOSING_MARK,
              Character.COMBINING_SPACING_MARK,
              Character.DECIMAL_DIGIT_NUMBER,
              Character.CONNECTOR_PUNCTUATION ->
              true;
          default -> c == 0x200C || c == 0x200D; // Join_Control
        };
  }

  /** {@return whether a code point is White_Space} */
  static boolean isSpace(int c) {
    return switch (Character.getType(c)) {
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> (c >= '\t' && c <= '\r') || c == 0x85;
    };
  }
}
