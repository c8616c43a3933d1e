package dev.rap.regex;

import java.util.Optional;
import java.util.function.IntPredicate;

/** Reads what stands in brackets: {@code [a-z&&[^aeiou]]}. */
final class ClassParser {
  private static final int DEEPEST = 100;
  private static final int MOST_ELEMENTS = 256; // real ones have less than fifty
  private static final int NO_RANGE = -1;

  private final Scanner in;
  private final boolean ignoreCase;
  private int depth;

  ClassParser(Scanner in, boolean ignoreCase) {
    this.in = in;
    this.ignoreCase = ignoreCase;
  }

  /** {@return the set; the opening bracket has been read} */
  IntPredicate parse() {
    if (++depth > DEEPEST) {
      throw in.error("more than %d brackets within each other".formatted(DEEPEST));
    }
    boolean negated = in.take('^');
    IntPredicate all = union(true);
    while (in.take("&&")) {
      all = all.and(union(false));
    }
    if (!in.take(']')) {
      throw in.error("no ] for a [");
    }
    depth--;
    IntPredicate folded = ignoreCase ? CharClasses.withoutCase(all) : all;
    return negated ? folded.negate() : folded;
  }

  private IntPredicate union(boolean first) {
    IntPredicate all = c -> false;
    boolean begins = first; // a ] is itself there
    int elements = 0;
    while (!in.atEnd() && (begins || in.peek() != ']') && !in.comes("&&")) {
      if (++elements > MOST_ELEMENTS) {
        throw in.error("more than %d elements in brackets".formatted(MOST_ELEMENTS));
      }
      all = all.or(element());
      begins = false;
    }
    return all;
  }

  private IntPredicate element() {
    if (in.comes("[:")) {
      Optional<IntPredicate> named = in.posixBracket();
      if (named.isPresent()) {
        return named.get();
      }
    }
    if (in.take('[')) {
      return parse();
    }
    if (in.comes("\\")) {
      in.next();
      Optional<IntPredicate> set = in.classEscape();
      return set.isPresent()
          ? set.get()
          : range(in.peekOrEnd() == 'b' ? bell() : in.characterEscape());
    }
    return range(in.next());
  }

  private int bell() {
    in.next();
    return '\b';
  }

  // A minus before a class or the end is itself.
  private IntPredicate range(int low) {
    int high = rangeEnd();
    if (high == NO_RANGE) {
      return c -> c == low;
    }
    if (high < low) {
      throw in.error("a range whose end comes before its beginning");
    }
    return c -> c >= low && c <= high;
  }

  private int rangeEnd() {
    int at = in.position();
    if (!in.take('-')) {
      return NO_RANGE;
    }
    boolean isEscape = in.take('\\');
    if (in.atEnd()
        || (!isEscape && (in.peek() == ']' || in.peek() == '['))
        || (isEscape && in.classEscape().isPresent())) {
      in.back(at);
      return NO_RANGE;
    }
    return isEscape ? in.characterEscape() : in.next();
  }
}
