package dev.rap.regex;

import dev.rap.regex.Compiler.Program;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * A regular expression in Oniguruma's Ruby syntax. Immutable.
 *
 * <p>Not supported, and refused: back references, calls of groups, conditions, absence, {@code \G},
 * {@code \K}, {@code \R}, {@code \X}, {@code \y}. Without case, a character is compared with those
 * that differ from it in case alone: {@code ß} is not {@code ss}.
 *
 * @see <a href="https://github.com/kkos/oniguruma/blob/master/doc/RE">Oniguruma, regular
 *     expressions</a>
 */
public final class Regex {
  private static final int LONGEST = 1 << 12; // chars; real ones have less than a thousand

  private final String expression;
  private final Program program;

  private Regex(String expression, Node node) {
    this.expression = expression;
    this.program = Compiler.compile(node);
  }

  /**
   * {@return the expression that {@code expression} writes down}
   *
   * @throws IllegalArgumentException if it is none, or not supported; the message says where
   */
  public static Regex of(String expression) {
    return new Regex(expression, new Parser(requireShort(expression)).parse());
  }

  private static String requireShort(String expression) {
    if (expression.length() > LONGEST) {
      throw new IllegalArgumentException(
          "the expression has %d characters, expected at most %d"
              .formatted(expression.length(), LONGEST));
    }
    return expression;
  }

  /** {@return an expression that matches {@code text} as it stands} */
  public static Regex literal(String text) {
    List<Node> parts =
        requireShort(text).codePoints().<Node>mapToObj(c -> new Node.One(CharSet.of(c))).toList();
    return new Regex(text, new Node.Sequence(parts));
  }

  /** {@return an expression that matches one code point of those that {@code members} accepts} */
  public static Regex oneOf(IntPredicate members) {
    return new Regex("a set of characters", new Node.One(new CharSet(members)));
  }

  /** {@return a new matcher of this expression} */
  public Matcher matcher() {
    return new Matcher(expression, program);
  }
}
