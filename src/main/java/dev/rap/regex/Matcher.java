package dev.rap.regex;

import dev.rap.InputException;
import dev.rap.regex.Compiler.Program;
import java.util.Arrays;

/**
 * Finds the matches of an expression in one region of text after another.
 *
 * <p>Keeps what is still to be tried on a stack of its own, so that no text is too long for it; a
 * run of characters waits there as one entry, however long it is. Counts its steps, so that an
 * expression that would take for ever says so instead.
 */
public final class Matcher {
  private static final int NONE = -1;
  private static final long FREE_STEPS = 1 << 24;
  private static final int STEPS_PER_CHAR = 256;
  private static final int ENTRY = 3; // ints of an entry: step, position, least position

  private final String expression;
  private final Step[] steps;
  private final CharSet first;
  private final int[] registers;
  private int[] stack = new int[64 * ENTRY];
  private int top; // ints in use
  private int resumeStep; // what backtrack found
  private int resumeAt;

  private String text = "";
  private int regionStart;
  private int regionEnd;
  private long stepsLeft;
  private int next; // where the next search begins
  private int lastEnd; // of the last match; NONE before the first
  private int start;
  private int end;

  Matcher(String expression, Program program) {
    this.expression = expression;
    this.steps = program.steps().toArray(Step[]::new);
    this.first = program.first();
    this.registers = new int[program.registers()];
  }

  /**
   * Begins anew, with a region of well-formed text. What lies outside is not looked at.
   *
   * @return this
   */
  public Matcher reset(String newText, int newStart, int newEnd) {
    text = newText;
    regionStart = newStart;
    regionEnd = newEnd;
    stepsLeft = FREE_STEPS + (long) STEPS_PER_CHAR * (newEnd - newStart);
    next = newStart;
    lastEnd = NONE;
    return this;
  }

  /**
   * Finds the next match, which is no empty one where the last one ended.
   *
   * @return whether there is one
   * @throws InputException if that takes too long
   */
  public boolean find() {
    while (next <= regionEnd) {
      int from = next;
      int to = search(from);
      if (to == NONE) {
        next = regionEnd + 1;
        return false;
      }
      if (to == start && to == lastEnd) {
        next = to < regionEnd ? after(to) : to + 1;
        continue;
      }
      end = to;
      lastEnd = to;
      next = to;
      return true;
    }
    return false;
  }

  /** {@return where the last match begins} */
  public int start() {
    return start;
  }

  /** {@return where the last match ends} */
  public int end() {
    return end;
  }

  private int search(int from) {
    for (int at = from; at <= regionEnd; at = at < regionEnd ? after(at) : at + 1) {
      if (first != CharSet.ALL && (at == regionEnd || !first.contains(text.codePointAt(at)))) {
        spend(1);
        continue;
      }
      int to = match(0, at, NONE);
      if (to != NONE) {
        start = at;
        return to;
      }
    }
    return NONE;
  }

  // Follows the steps from pc on to their End and returns the position there, or NONE. If target is
  // not NONE, only an end at target counts.
  private int match(int pc, int from, int target) {
    int base = top;
    int step = pc;
    int at = from;
    while (true) {
      spend(1);
      boolean fits = true;
      int following = step + 1;
      switch (steps[step]) {
        case Step.One one -> {
          fits = at < regionEnd && one.set().contains(text.codePointAt(at));
          at = fits ? after(at) : at;
        }
        case Step.Run run -> {
          int to = run(run, at, following);
          fits = to != NONE;
          at = fits ? to : at;
        }
        case Step.Try choice -> {
          if (at < regionEnd && choice.first().contains(text.codePointAt(at))) {
            push(choice.other(), at, at);
          } else {
            following = choice.other();
          }
        }
        case Step.Fork fork -> push(fork.other(), at, at);
        case Step.LateFork fork -> {
          push(following, at, at);
          following = fork.other();
        }
        case Step.Jump jump -> following = jump.target();
        case Step.Mark mark -> {
          push(-1 - mark.register(), registers[mark.register()], 0);
          registers[mark.register()] = at;
        }
        case Step.LeaveIfStill loop ->
            following = registers[loop.register()] == at ? loop.exit() : following;
        case Step.Atomic atomic -> {
          int to = match(following, at, NONE);
          fits = to != NONE;
          at = fits ? to : at;
          following = atomic.next();
        }
        case Step.LookAhead look -> {
          fits = (match(following, at, NONE) != NONE) != look.negated();
          following = look.next();
        }
        case Step.LookBehind look -> {
          fits = endsHere(look, following, at) != look.negated();
          following = look.next();
        }
        case Step.At place -> fits = isAt(place.place(), at);
        case Step.End end -> {
          if (target == NONE || at == target) {
            top = base;
            return at;
          }
          fits = false;
        }
      }
      if (fits) {
        step = following;
        continue;
      }
      if (!backtrack(base)) {
        return NONE;
      }
      step = resumeStep;
      at = resumeAt;
    }
  }

  // Takes up the entry to go on with.
  private boolean backtrack(int base) {
    while (top > base) {
      top -= ENTRY;
      int step = stack[top];
      if (step < 0) {
        registers[-1 - step] = stack[top + 1];
        continue;
      }
      resumeStep = step;
      resumeAt = stack[top + 1];
      if (resumeAt > stack[top + 2]) { // a run: next time one code point shorter
        stack[top + 1] = before(resumeAt);
        top += ENTRY;
      }
      return true;
    }
    return false;
  }

  private int run(Step.Run run, int from, int following) {
    CharSet set = run.set();
    int at = from;
    int least = from; // where the least number of code points ends
    int count = 0;
    while (count < run.most() && at < regionEnd) {
      int c = text.codePointAt(at);
      if (!set.contains(c)) {
        break;
      }
      at += Character.charCount(c);
      if (++count == run.least()) {
        least = at;
      }
    }
    spend(count);
    if (count < run.least()) {
      return NONE;
    }
    if (!run.possessive() && at > least) {
      push(following, before(at), least);
    }
    return at;
  }

  private boolean endsHere(Step.LookBehind look, int pc, int at) {
    int from = at;
    for (int length = 0; length <= look.most(); length++) {
      if (length >= look.least() && match(pc, from, at) != NONE) {
        return true;
      }
      if (from == regionStart) {
        return false;
      }
      from = before(from);
    }
    return false;
  }

  private boolean isAt(Node.Place place, int at) {
    return switch (place) {
      case TEXT_START -> at == regionStart;
      case TEXT_END -> at == regionEnd;
      case TEXT_END_OR_LAST_LINE_BREAK ->
          at == regionEnd || (at == regionEnd - 1 && text.charAt(at) == '\n');
      // Oniguruma sees no line behind a line break that ends the text.
      case LINE_START -> at == regionStart || (at < regionEnd && text.charAt(at - 1) == '\n');
      case LINE_END -> at == regionEnd || text.charAt(at) == '\n';
      case WORD_EDGE -> isWordBefore(at) != isWordAt(at);
      case NO_WORD_EDGE -> isWordBefore(at) == isWordAt(at);
    };
  }

  private boolean isWordBefore(int at) {
    return at > regionStart && CharClasses.WORD.test(text.codePointBefore(at));
  }

  private boolean isWordAt(int at) {
    return at < regionEnd && CharClasses.WORD.test(text.codePointAt(at));
  }

  private int after(int at) {
    return at + (Character.isHighSurrogate(text.charAt(at)) ? 2 : 1);
  }

  private int before(int at) {
    return at - (Character.isLowSurrogate(text.charAt(at - 1)) ? 2 : 1);
  }

  private void push(int step, int at, int least) {
    if (top == stack.length) {
      stack = Arrays.copyOf(stack, Math.multiplyExact(top, 2));
    }
    stack[top] = step;
    stack[top + 1] = at;
    stack[top + 2] = least;
    top += ENTRY;
  }

  private void spend(int count) {
    stepsLeft -= count;
    if (stepsLeft < 0) {
      throw new InputException(
          "the expression %s takes more than %d steps on a text of %d characters: split the text, or use a tokenizer whose expressions do not try so much"
              .formatted(
                  shortened(),
                  FREE_STEPS + (long) STEPS_PER_CHAR * (regionEnd - regionStart),
                  regionEnd - regionStart));
    }
  }

  private String shortened() {
    String line = expression.replaceAll("\\p{Cntrl}", "?");
    return line.length() > 40 ? line.substring(0, 40) + "…" : line;
  }
}
