package dev.rap.regex;

import java.util.List;

/** A part of an expression. */
sealed interface Node {
  /** One code point of a set. */
  record One(CharSet set) implements Node {}

  /** All, one after the other. */
  record Sequence(List<Node> parts) implements Node {}

  /** The first that leads to a match. */
  record Choice(List<Node> alternatives) implements Node {}

  /**
   * A part again and again.
   *
   * @param most {@link #UNBOUNDED} for no bound
   */
  record Repeat(Node part, int least, int most, Greed greed) implements Node {
    static final int UNBOUNDED = Integer.MAX_VALUE;
  }

  /** How a repetition chooses. */
  enum Greed {
    /** As often as it can, less often if the rest wants it. */
    GREEDY,
    /** As seldom as it can. */
    LAZY,
    /** As often as it can, and that is that. */
    POSSESSIVE
  }

  /** A part whose first match is the only one tried. */
  record Atomic(Node part) implements Node {}

  /** Whether a part matches here, without moving. */
  record Look(Node part, boolean behind, boolean negated) implements Node {}

  /** A place. */
  record At(Place place) implements Node {}

  /** Places that {@link At} names. */
  enum Place {
    LINE_START,
    LINE_END,
    TEXT_START,
    TEXT_END,
    TEXT_END_OR_LAST_LINE_BREAK,
    WORD_EDGE,
    NO_WORD_EDGE
  }

  /** {@return the fewest code points that match} */
  default long fewest() {
    return switch (this) {
      case One one -> 1;
      case Sequence all ->
          all.parts().stream().mapToLong(Node::fewest).reduce(0, (a, b) -> capped(a + b));
      case Choice any -> any.alternatives().stream().mapToLong(Node::fewest).min().orElse(0);
      case Repeat loop -> capped(loop.least() * loop.part().fewest());
      case Atomic atomic -> atomic.part().fewest();
      case Look look -> 0;
      case At at -> 0;
    };
  }

  /** {@return the most code points that match; {@code Integer.MAX_VALUE} is no bound} */
  default long farthest() {
    return switch (this) {
      case One one -> 1;
      case Sequence all ->
          all.parts().stream().mapToLong(Node::farthest).reduce(0, (a, b) -> capped(a + b));
      case Choice any -> any.alternatives().stream().mapToLong(Node::farthest).max().orElse(0);
      case Repeat loop -> capped(loop.most() * loop.part().farthest());
      case Atomic atomic -> atomic.part().farthest();
      case Look look -> 0;
      case At at -> 0;
    };
  }

  private static long capped(long count) {
    return Math.min(count, Integer.MAX_VALUE);
  }

  /** {@return the code points that a match may begin with; all if it may be empty} */
  default CharSet first() {
    return switch (this) {
      case One one -> one.set();
      case Sequence all -> firstOf(all.parts());
      case Choice any ->
          any.alternatives().stream().map(Node::first).reduce(CharSet::or).orElse(CharSet.ALL);
      case Repeat loop -> loop.least() > 0 ? loop.part().first() : CharSet.ALL;
      case Atomic atomic -> atomic.part().first();
      case Look look -> CharSet.ALL;
      case At at -> CharSet.ALL;
    };
  }

  private static CharSet firstOf(List<Node> parts) {
    CharSet first = null;
    for (Node part : parts) {
      if (part instanceof Look || part instanceof At) {
        continue; // narrows what follows, never widens it
      }
      CharSet here =
          part instanceof Repeat loop && loop.least() == 0 ? loop.part().first() : part.first();
      first = first == null ? here : first.or(here);
      if (part.fewest() > 0) {
        return first;
      }
    }
    return CharSet.ALL;
  }
}
