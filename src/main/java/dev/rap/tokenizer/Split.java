package dev.rap.tokenizer;

import dev.rap.regex.Matcher;
import dev.rap.regex.Regex;

/**
 * Cuts text at the matches of an expression.
 *
 * @param behavior what becomes of the matches
 * @param invert whether matches and what lies between them change places
 */
record Split(Regex regex, Behavior behavior, boolean invert) implements PreTokenizer {

  /** What becomes of a match. */
  enum Behavior {
    REMOVED,
    /** It is a piece. */
    ISOLATED,
    /** It ends the piece before it, unless that is a match too. */
    MERGED_WITH_PREVIOUS,
    /** It begins the piece behind it, unless that is a match too. */
    MERGED_WITH_NEXT,
    /** Matches that touch are one piece. */
    CONTIGUOUS
  }

  Split(Regex regex, Behavior behavior) {
    this(regex, behavior, false);
  }

  @Override
  public Pieces into(Pieces next) {
    return new Cutter(next);
  }

  private final class Cutter implements Pieces {
    private final Pieces next;
    private final Matcher matcher = regex.matcher();
    private String text = "";
    private int regionStart;
    private boolean first;
    private int start; // of the piece that may still grow
    private int end;
    private boolean match; // whether its last segment is a match

    Cutter(Pieces next) {
      this.next = next;
    }

    @Override
    public void piece(String newText, int newStart, int newEnd, boolean isFirst) {
      text = newText;
      regionStart = newStart;
      first = isFirst;
      start = newStart;
      end = newStart;
      match = false;
      int done = newStart;
      matcher.reset(text, newStart, newEnd);
      while (matcher.find()) {
        if (done < matcher.start()) {
          segment(done, matcher.start(), invert);
        }
        segment(matcher.start(), matcher.end(), !invert);
        done = matcher.end();
      }
      if (done < newEnd) {
        segment(done, newEnd, invert);
      }
      emit();
    }

    private void segment(int from, int to, boolean isMatch) {
      boolean joins =
          end > start
              && switch (behavior) {
                case REMOVED, ISOLATED -> false;
                case MERGED_WITH_PREVIOUS -> isMatch && !match;
                case MERGED_WITH_NEXT -> !isMatch && match;
                case CONTIGUOUS -> isMatch == match;
              };
      if (!joins) {
        emit();
        start = from;
      }
      end = to;
      match = isMatch;
    }

    private void emit() {
      if (end > start && !(match && behavior == Behavior.REMOVED)) {
        next.piece(text, start, end, first && start == regionStart);
      }
      start = end;
    }
  }
}
