package dev.rap.regex;

/** One instruction of a compiled expression; {@link Matcher} follows them. */
sealed interface Step {
  /** Moves over one code point of a set. */
  record One(CharSet set) implements Step {}

  /** Moves over as many code points of a set as there are, at most {@code most}. */
  record Run(CharSet set, int least, int most, boolean possessive) implements Step {}

  /** Goes on at the next step, and at {@code other} if that fails. */
  record Fork(int other) implements Step {}

  /** Goes on at {@code other}, and at the next step if that fails. */
  record LateFork(int other) implements Step {}

  /** Like {@link Fork}, but straight at {@code other} unless a code point of a set comes. */
  record Try(CharSet first, int other) implements Step {}

  /** Goes on at {@code target}. */
  record Jump(int target) implements Step {}

  /** Notes the position at the beginning of a round of a loop. */
  record Mark(int register) implements Step {}

  /** Goes on at {@code exit} if the round that {@link Mark} began has moved nowhere. */
  record LeaveIfStill(int register, int exit) implements Step {}

  /** Matches what follows up to its {@link End} once, and goes on at {@code next}. */
  record Atomic(int next) implements Step {}

  /** Whether what follows up to its {@link End} matches from here; goes on at {@code next}. */
  record LookAhead(boolean negated, int next) implements Step {}

  /** Whether what follows up to its {@link End} matches so many code points before here. */
  record LookBehind(boolean negated, int least, int most, int next) implements Step {}

  /** Whether the match is at a place. */
  record At(Node.Place place) implements Step {}

  /** The end of the expression, or of an atomic part or a look. */
  record End() implements Step {}
}
