package dev.rap.regex;

import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The classes of characters that have names, as Oniguruma has them. Unicode's version is Java's.
 *
 * @see <a href="https://www.unicode.org/reports/tr44/">Unicode Character Database</a>
 */
final class CharClasses {
  private static final int LETTERS =
      mask(
          Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER);
  private static final int MARKS =
      mask(Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK);
  private static final int NUMBERS =
      mask(Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER);
  private static final int PUNCTUATION =
      mask(
          Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.START_PUNCTUATION,
          Character.END_PUNCTUATION,
          Character.INITIAL_QUOTE_PUNCTUATION,
          Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION);
  private static final int SYMBOLS =
      mask(
          Character.MATH_SYMBOL,
          Character.CURRENCY_SYMBOL,
          Character.MODIFIER_SYMBOL,
          Character.OTHER_SYMBOL);
  private static final int SEPARATORS =
      mask(Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR);
  private static final int OTHERS =
      mask(
          Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED);

  private static final Map<String, Integer> CATEGORIES =
      Map.ofEntries(
          Map.entry("l", LETTERS),
          Map.entry("lu", mask(Character.UPPERCASE_LETTER)),
          Map.entry("ll", mask(Character.LOWERCASE_LETTER)),
          Map.entry("lt", mask(Character.TITLECASE_LETTER)),
          Map.entry("lm", mask(Character.MODIFIER_LETTER)),
          Map.entry("lo", mask(Character.OTHER_LETTER)),
          Map.entry("m", MARKS),
          Map.entry("mn", mask(Character.NON_SPACING_MARK)),
          Map.entry("mc", mask(Character.COMBINING_SPACING_MARK)),
          Map.entry("me", mask(Character.ENCLOSING_MARK)),
          Map.entry("n", NUMBERS),
          Map.entry("nd", mask(Character.DECIMAL_DIGIT_NUMBER)),
          Map.entry("nl", mask(Character.LETTER_NUMBER)),
          Map.entry("no", mask(Character.OTHER_NUMBER)),
          Map.entry("p", PUNCTUATION),
          Map.entry("pc", mask(Character.CONNECTOR_PUNCTUATION)),
          Map.entry("pd", mask(Character.DASH_PUNCTUATION)),
          Map.entry("ps", mask(Character.START_PUNCTUATION)),
          Map.entry("pe", mask(Character.END_PUNCTUATION)),
          Map.entry("pi", mask(Character.INITIAL_QUOTE_PUNCTUATION)),
          Map.entry("pf", mask(Character.FINAL_QUOTE_PUNCTUATION)),
          Map.entry("po", mask(Character.OTHER_PUNCTUATION)),
          Map.entry("s", SYMBOLS),
          Map.entry("sm", mask(Character.MATH_SYMBOL)),
          Map.entry("sc", mask(Character.CURRENCY_SYMBOL)),
          Map.entry("sk", mask(Character.MODIFIER_SYMBOL)),
          Map.entry("so", mask(Character.OTHER_SYMBOL)),
          Map.entry("z", SEPARATORS),
          Map.entry("zs", mask(Character.SPACE_SEPARATOR)),
          Map.entry("zl", mask(Character.LINE_SEPARATOR)),
          Map.entry("zp", mask(Character.PARAGRAPH_SEPARATOR)),
          Map.entry("c", OTHERS),
          Map.entry("cc", mask(Character.CONTROL)),
          Map.entry("cf", mask(Character.FORMAT)),
          Map.entry("cs", mask(Character.SURROGATE)),
          Map.entry("co", mask(Character.PRIVATE_USE)),
          Map.entry("cn", mask(Character.UNASSIGNED)));

  /** White_Space. Java's own ideas of it lack U+0085 or the no-break spaces. */
  static final IntPredicate SPACE =
      category(SEPARATORS).or(c -> (c >= '\t' && c <= '\r') || c == 0x85);

  static final IntPredicate DIGIT = category(mask(Character.DECIMAL_DIGIT_NUMBER));
  static final IntPredicate HEX = c -> c < 0x80 && Character.digit(c, 16) >= 0;

  /** The superscripts and fractions of Latin-1 are word characters to Oniguruma alone. */
  static final IntPredicate WORD =
      category(MARKS | mask(Character.DECIMAL_DIGIT_NUMBER, Character.CONNECTOR_PUNCTUATION))
          .or(Character::isAlphabetic)
          .or(c -> c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE));

  private static final IntPredicate VISIBLE =
      category(mask(Character.CONTROL, Character.SURROGATE, Character.UNASSIGNED))
          .or(SPACE)
          .negate();

  private static final Map<String, IntPredicate> BINARY =
      Map.ofEntries(
          Map.entry("any", c -> true),
          Map.entry("ascii", c -> c < 0x80),
          Map.entry("assigned", category(mask(Character.UNASSIGNED)).negate()),
          Map.entry("alnum", DIGIT.or(Character::isAlphabetic)),
          Map.entry("alpha", Character::isAlphabetic),
          Map.entry("alphabetic", Character::isAlphabetic),
          Map.entry("blank", category(mask(Character.SPACE_SEPARATOR)).or(c -> c == '\t')),
          Map.entry("cntrl", category(mask(Character.CONTROL))),
          Map.entry("digit", DIGIT),
          Map.entry("emoji", Character::isEmoji),
          Map.entry("graph", VISIBLE),
          Map.entry("ideographic", Character::isIdeographic),
          Map.entry("lower", Character::isLowerCase),
          Map.entry("lowercase", Character::isLowerCase),
          Map.entry("print", VISIBLE.or(category(mask(Character.SPACE_SEPARATOR)))),
          Map.entry("punct", category(PUNCTUATION)),
          Map.entry("space", SPACE),
          Map.entry("upper", Character::isUpperCase),
          Map.entry("uppercase", Character::isUpperCase),
          Map.entry("whitespace", SPACE),
          Map.entry("word", WORD),
          Map.entry("xdigit", HEX));

  private static final Set<String> BRACKETS =
      Set.of(
          "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
          "space", "upper", "word", "xdigit");

  // The planes above have no case.
  private static final int[] CASED =
      IntStream.range(0, 0x20000)
          .filter(c -> Character.toLowerCase(c) != c || Character.toUpperCase(c) != c)
          .toArray();

  private CharClasses() {}

  private static int mask(byte... categories) {
    int mask = 0;
    for (byte category : categories) {
      mask |= 1 << category;
    }
    return mask;
  }

  private static IntPredicate category(int mask) {
    return c -> (mask & (1 << Character.getType(c))) != 0;
  }

  /** {@return what {@code \p{name}} stands for} */
  static Optional<IntPredicate> property(String name) {
    String plain = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
    if (CATEGORIES.containsKey(plain)) {
      return Optional.of(category(CATEGORIES.get(plain)));
    }
    return Optional.ofNullable(BINARY.get(plain)).or(() -> script(name)).or(() -> block(name));
  }

  private static Optional<IntPredicate> script(String name) {
    try {
      Character.UnicodeScript script = Character.UnicodeScript.forName(name);
      return Optional.of(c -> Character.UnicodeScript.of(c) == script);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static Optional<IntPredicate> block(String name) {
    if (!name.regionMatches(true, 0, "In", 0, 2)) {
      return Optional.empty();
    }
    try {
      String rest = name.substring(name.startsWith("_", 2) ? 3 : 2);
      Character.UnicodeBlock block = Character.UnicodeBlock.forName(rest);
      return Optional.of(c -> block.equals(Character.UnicodeBlock.of(c)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** {@return what {@code [:name:]} stands for; punctuation has symbols among it there} */
  static Optional<IntPredicate> bracket(String name) {
    if (name.equals("punct")) {
      return Optional.of(category(PUNCTUATION | SYMBOLS));
    }
    return BRACKETS.contains(name) ? Optional.of(BINARY.get(name)) : Optional.empty();
  }

  /** {@return the characters that are in {@code members} but for their case} */
  static IntPredicate withoutCase(IntPredicate members) {
    Set<Integer> folded = new HashSet<>();
    for (int c : CASED) {
      if (members.test(c)) {
        folded.add(fold(c));
      }
    }
    Set<Integer> all = Set.copyOf(folded);
    return c -> members.test(c) || all.contains(fold(c));
  }

  /** {@return the code points that are {@code c} but for their case} */
  static IntStream withoutCase(int c) {
    int folded = fold(c);
    return IntStream.concat(
        IntStream.of(c), IntStream.of(CASED).filter(other -> fold(other) == folded));
  }

  // The dotted and the dotless i have no partner in case outside Turkish.
  private static int fold(int c) {
    return c == 0x130 || c == 0x131 ? c : Character.toLowerCase(Character.toUpperCase(c));
  }
}
