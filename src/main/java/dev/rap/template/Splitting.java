package dev.rap.template;

import java.util.ArrayList;
import java.util.List;

/** Strings in parts. */
final class Splitting {
  private static final String BREAKS = "\n\r\u000B\f\u001C\u001D\u001E\u0085\u2028\u2029";

  private Splitting() {}

  static Object split(String text, Arguments arguments, boolean fromRight, Budget budget) {
    Parameters given = Parameters.of("split", arguments, budget, "sep=", "maxsplit=");
    int most = given.integer(1, -1);
    int limit = most < 0 ? Integer.MAX_VALUE : most;
    List<Object> parts;
    if (given.hasSome(0)) {
      String separator = given.text(0);
      if (separator.isEmpty()) {
        throw new Fault("the separator is empty");
      }
      budget.search(text, separator);
      parts = fromRight ? backward(text, separator, limit) : forward(text, separator, limit);
    } else {
      parts = fromRight ? wordsBackward(text, limit) : words(text, limit);
    }
    budget.steps(parts.size());
    budget.characters(text.length());
    return parts;
  }

  private static List<Object> forward(String text, String separator, int limit) {
    List<Object> parts = new ArrayList<>();
    int done = 0;
    for (int at = text.indexOf(separator); at >= 0 && parts.size() < limit; ) {
      parts.add(text.substring(done, at));
      done = at + separator.length();
      at = text.indexOf(separator, done);
    }
    parts.add(text.substring(done));
    return parts;
  }

  private static List<Object> backward(String text, String separator, int limit) {
    List<Object> parts = new ArrayList<>();
    int end = text.length();
    for (int at = text.lastIndexOf(separator); at >= 0 && parts.size() < limit; ) {
      parts.add(text.substring(at + separator.length(), end));
      end = at;
      at = text.lastIndexOf(separator, end - separator.length());
    }
    parts.add(text.substring(0, end));
    return new ArrayList<>(parts.reversed());
  }

  private static List<Object> words(String text, int limit) {
    List<Object> parts = new ArrayList<>();
    int at = TagEnd.spacesEnd(text, 0);
    while (at < text.length() && parts.size() < limit) {
      int end = at;
      while (end < text.length() && !CodePoints.isSpace(text.charAt(end))) {
        end++;
      }
      parts.add(text.substring(at, end));
      at = TagEnd.spacesEnd(text, end);
    }
    if (at < text.length()) {
      parts.add(text.substring(at));
    }
    return parts;
  }

  private static List<Object> wordsBackward(String text, int limit) {
    List<Object> parts = new ArrayList<>();
    int end = spacesStart(text, text.length());
    while (end > 0 && parts.size() < limit) {
      int start = end;
      while (start > 0 && !CodePoints.isSpace(text.charAt(start - 1))) {
        start--;
      }
      parts.add(text.substring(start, end));
      end = spacesStart(text, start);
    }
    if (end > 0) {
      parts.add(text.substring(0, end));
    }
    return new ArrayList<>(parts.reversed());
  }

  private static int spacesStart(String text, int end) {
    int start = end;
    while (start > 0 && CodePoints.isSpace(text.charAt(start - 1))) {
      start--;
    }
    return start;
  }

  static Object lines(String text, Arguments arguments, Budget budget) {
    boolean keep = Parameters.of("splitlines", arguments, budget, "keepends=").flag(0, false);
    List<Object> lines = lines(text, keep);
    budget.steps(lines.size());
    budget.characters(text.length());
    return lines;
  }

  /** {@return the lines, where a line ends as Python's {@code splitlines} has it} */
  static List<Object> lines(String text, boolean keepEnds) {
    List<Object> lines = new ArrayList<>();
    int start = 0;
    int at = 0;
    while (at < text.length()) {
      int end = at++;
      if (BREAKS.indexOf(text.charAt(end)) >= 0) {
        at += text.startsWith("\r\n", end) ? 1 : 0;
        lines.add(text.substring(start, keepEnds ? at : end));
        start = at;
      }
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  static Tuple partition(String text, Arguments arguments, boolean fromRight) {
    String separator = Parameters.textOf(arguments.positionalOnly("partition", 1, 1).getFirst());
    if (separator.isEmpty()) {
      throw new Fault("the separator is empty");
    }
    int at = fromRight ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) {
      return fromRight ? Tuple.of("", "", text) : Tuple.of(text, "", "");
    }
    return Tuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
  }
}
