package dev.rap.regex;

import dev.rap.regex.Node.Greed;
import dev.rap.regex.Node.Place;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Reads an expression in Oniguruma's Ruby syntax. */
final class Parser {
  private static final int DEEPEST = 100;
  private static final int MOST_LOOPS = 4; // of one thing: a**** is a loop of loops
  private static final int MOST_ROUNDS = 100_000; // Oniguruma's own bound
  private static final String NOT_SUPPORTED = "123456789kgGKRXyYNO"; // behind a backslash

  private final Scanner in;
  private boolean ignoreCase;
  private boolean dotMatchesAll;
  private boolean extended; // white space and comments are left out
  private int depth;

  Parser(String expression) {
    this.in = new Scanner(expression);
  }

  Node parse() {
    Node node = choice();
    if (!in.atEnd()) {
      throw in.error("a ) that closes nothing");
    }
    return node;
  }

  private Node choice() {
    if (++depth > DEEPEST) {
      throw in.error("more than %d groups within each other".formatted(DEEPEST));
    }
    List<Node> alternatives = new ArrayList<>();
    do {
      alternatives.add(sequence());
    } while (in.take('|'));
    depth--;
    return alternatives.size() == 1 ? alternatives.getFirst() : new Node.Choice(alternatives);
  }

  private Node sequence() {
    List<Node> parts = new ArrayList<>();
    while (true) {
      if (extended) {
        in.skipBlanksAndComments();
      }
      if (in.atEnd() || in.peek() == '|' || in.peek() == ')') {
        break;
      }
      if (in.take("(?#")) {
        in.until(')');
      } else {
        parts.add(quantified(atom()));
      }
    }
    return parts.size() == 1 ? parts.getFirst() : new Node.Sequence(parts);
  }

  private Node quantified(Node atom) {
    Node node = atom;
    for (int loops = 0; loops <= MOST_LOOPS; loops++) {
      if (in.take('*')) {
        node = suffixed(node, 0, Node.Repeat.UNBOUNDED);
      } else if (in.take('+')) {
        node = suffixed(node, 1, Node.Repeat.UNBOUNDED);
      } else if (in.take('?')) {
        node = suffixed(node, 0, 1);
      } else if (in.atInterval()) {
        node = interval(node);
      } else {
        return node;
      }
    }
    throw in.error("more than %d loops of one thing".formatted(MOST_LOOPS));
  }

  private Node suffixed(Node node, int least, int most) {
    Greed greed = in.take('?') ? Greed.LAZY : in.take('+') ? Greed.POSSESSIVE : Greed.GREEDY;
    return new Node.Repeat(node, least, most, greed);
  }

  // {n,m}+ is a loop of a loop, and {n}? says that the loop may be left out.
  private Node interval(Node node) {
    int[] bounds = in.interval();
    if (bounds[0] > MOST_ROUNDS || (bounds[1] > MOST_ROUNDS && bounds[1] != Integer.MAX_VALUE)) {
      throw in.error("a loop of more than %d rounds".formatted(MOST_ROUNDS));
    }
    boolean swapped = bounds[0] > bounds[1]; // {3,1} is {1,3}+, possessive
    int least = Math.min(bounds[0], bounds[1]);
    int most = Math.max(bounds[0], bounds[1]);
    if (swapped) {
      return new Node.Repeat(node, least, most, Greed.POSSESSIVE);
    }
    if (!in.take('?')) {
      return new Node.Repeat(node, least, most, Greed.GREEDY);
    }
    return least == most
        ? new Node.Repeat(new Node.Repeat(node, least, most, Greed.GREEDY), 0, 1, Greed.GREEDY)
        : new Node.Repeat(node, least, most, Greed.LAZY);
  }

  private Node atom() {
    if (in.take('(')) {
      return group();
    }
    if (in.take('[')) {
      return new Node.One(new CharSet(new ClassParser(in, ignoreCase).parse()));
    }
    if (in.take('.')) {
      boolean dotMatches = dotMatchesAll;
      return one(c -> dotMatches || c != '\n');
    }
    if (in.take('^')) {
      return new Node.At(Place.LINE_START);
    }
    if (in.take('$')) {
      return new Node.At(Place.LINE_END);
    }
    if (in.peek() == '*' || in.peek() == '+' || in.peek() == '?') {
      throw in.error("a %c that repeats nothing".formatted(in.peek()));
    }
    return in.take('\\') ? escape() : character(in.next());
  }

  private Node escape() {
    int c = in.peekOrEnd();
    if (NOT_SUPPORTED.indexOf(c) >= 0) {
      throw in.error("\\%c, which is not supported".formatted(c));
    }
    return switch (c) {
      case 'b' -> place(Place.WORD_EDGE);
      case 'B' -> place(Place.NO_WORD_EDGE);
      case 'A' -> place(Place.TEXT_START);
      case 'z' -> place(Place.TEXT_END);
      case 'Z' -> place(Place.TEXT_END_OR_LAST_LINE_BREAK);
      default -> {
        var set = in.classEscape();
        yield set.isPresent() ? one(set.get()) : character(in.characterEscape());
      }
    };
  }

  private Node place(Place place) {
    in.next();
    return new Node.At(place);
  }

  private static Node one(IntPredicate members) {
    return new Node.One(new CharSet(members));
  }

  private Node character(int c) {
    int[] members = ignoreCase ? CharClasses.withoutCase(c).toArray() : new int[] {c};
    return new Node.One(CharSet.of(members));
  }

  private Node group() {
    if (!in.take('?')) {
      return closed(choice());
    }
    if (in.take(':')) {
      return closed(choice());
    }
    if (in.take('>')) {
      return new Node.Atomic(closed(choice()));
    }
    if (in.take('=')) {
      return new Node.Look(closed(choice()), false, false);
    }
    if (in.take('!')) {
      return new Node.Look(closed(choice()), false, true);
    }
    if (in.take("<=")) {
      return new Node.Look(closed(choice()), true, false);
    }
    if (in.take("<!")) {
      return new Node.Look(closed(choice()), true, true);
    }
    if (in.take('<')) {
      in.until('>');
      return closed(choice());
    }
    if (in.take('\'')) {
      in.until('\'');
      return closed(choice());
    }
    return options();
  }

  private Node closed(Node node) {
    if (!in.take(')')) {
      throw in.error("no ) for a (");
    }
    return node;
  }

  // (?i-m:...) or, for the rest of the group around it, (?i-m).
  private Node options() {
    boolean outerIgnoreCase = ignoreCase;
    boolean outerDotMatchesAll = dotMatchesAll;
    boolean outerExtended = extended;
    boolean on = true;
    while (!in.atEnd() && in.peek() != ':' && in.peek() != ')') {
      int option = in.next();
      switch (option) {
        case '-' -> on = false;
        case 'i' -> ignoreCase = on;
        case 'm' -> dotMatchesAll = on;
        case 'x' -> extended = on;
        default ->
            throw in.error("(?%s, which is not supported".formatted(Character.toString(option)));
      }
    }
    boolean rest = in.take(')');
    if (!rest && !in.take(':')) {
      throw in.error("no ) for a (");
    }
    Node node = rest ? choice() : closed(choice());
    ignoreCase = outerIgnoreCase;
    dotMatchesAll = outerDotMatchesAll;
    extended = outerExtended;
    return node;
  }
}
