package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.memory.MemoryBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Memory budgets that follow one another, such as {@code 0=100%,32=60%,96=100%}: by tokens drawn,
 * or with {@code s} or {@code ms} by time.
 *
 * @param changes in the order in which they were given
 */
record BudgetSchedule(List<Change> changes) {
  private static final Pattern FORM = Pattern.compile("(\\d{1,9})(s|ms|)\\s*=\\s*([^=]+)");

  /**
   * A budget from a moment on.
   *
   * @param at tokens, or milliseconds
   * @param timed whether it is milliseconds
   */
  record Change(long at, boolean timed, MemoryBudget budget) {
    boolean due(int tokens, double seconds) {
      return timed ? seconds * 1000 >= at : tokens >= at;
    }
  }

  BudgetSchedule {
    changes = List.copyOf(changes);
  }

  /**
   * {@return the schedule that {@code text} names}
   *
   * @param wholeBytes what 100 % stands for
   * @throws InputException if it is none
   */
  static BudgetSchedule parse(String text, long wholeBytes) {
    List<Change> changes = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      Matcher match = FORM.matcher(part.strip());
      if (!match.matches()) {
        throw new InputException(
            "--budget-schedule must be MOMENT=BUDGET, and more of them after commas, such as 0=100%%,32=60%%,5s=1.2GB; found '%s'"
                .formatted(part.strip()));
      }
      long number = Long.parseLong(match.group(1));
      boolean seconds = match.group(2).equals("s");
      changes.add(
          new Change(
              seconds ? 1000 * number : number,
              !match.group(2).isEmpty(),
              budget(match.group(3), wholeBytes)));
    }
    return new BudgetSchedule(changes);
  }

  private static MemoryBudget budget(String text, long wholeBytes) {
    try {
      return MemoryBudget.parse(text, wholeBytes);
    } catch (InputException e) {
      throw new InputException("--budget-schedule: " + e.getMessage(), e);
    }
  }

  /** {@return the last of the budgets whose moment has come} */
  Optional<MemoryBudget> at(int tokens, double seconds) {
    Optional<MemoryBudget> budget = Optional.empty();
    for (Change change : changes) {
      if (change.due(tokens, seconds)) {
        budget = Optional.of(change.budget());
      }
    }
    return budget;
  }
}
