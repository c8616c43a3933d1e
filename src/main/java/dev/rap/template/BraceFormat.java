package dev.rap.template;

import java.math.BigInteger;

/**
 * Python's {@code str.format}.
 *
 * @see <a href="https://docs.python.org/3/library/string.html#format-string-syntax">its
 *     documentation</a>
 */
final class BraceFormat {
  private final Arguments arguments;
  private final Dict named;
  private final Budget budget;
  private int automatic;
  private boolean numbered;

  private BraceFormat(Arguments arguments, Dict named, Budget budget) {
    this.arguments = arguments;
    this.named = named;
    this.budget = budget;
  }

  static Object format(String text, Arguments arguments, Budget budget) {
    Dict named = new Dict();
    arguments.named().forEach((name, value) -> named.put(name, value, budget));
    return new BraceFormat(arguments, named, budget).formatted(text, 2);
  }

  static Object formatMap(String text, Arguments arguments, Budget budget) {
    Object map = arguments.positionalOnly("format_map", 1, 1).getFirst();
    if (!(map instanceof Dict named)) {
      throw new Fault("format_map() needs a dict, not '%s'".formatted(Types.name(map)));
    }
    return new BraceFormat(Arguments.of(), named, budget).formatted(text, 2);
  }

  private String formatted(String text, int depth) {
    if (depth < 0) {
      throw new Fault("the format is nested too deeply");
    }
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at++);
      boolean twice = at < text.length() && text.charAt(at) == c;
      if ((c == '{' || c == '}') && twice) {
        out.append(c);
        at++;
      } else if (c == '}') {
        throw new Fault("the format has a single '}'");
      } else if (c == '{') {
        int end = fieldEnd(text, at);
        out.append(field(text.substring(at, end), depth));
        at = end + 1;
      } else {
        out.append(c);
      }
      budget.characters(1);
    }
    return out.toString();
  }

  private static int fieldEnd(String text, int start) {
    int open = 1;
    for (int i = start; i < text.length(); i++) {
      char c = text.charAt(i);
      open += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (open == 0) {
        return i;
      }
    }
    throw new Fault("the format has a '{' that is not closed");
  }

  private String field(String field, int depth) {
    int colon = outsideBrackets(field, ':');
    String head = colon < 0 ? field : field.substring(0, colon);
    String spec = colon < 0 ? "" : formatted(field.substring(colon + 1), depth - 1);
    int bang = outsideBrackets(head, '!');
    Object value = value(bang < 0 ? head : head.substring(0, bang));
    if (bang >= 0) {
      value =
          switch (head.substring(bang + 1)) {
            case "s" -> Text.of(value, budget);
            case "r" -> Text.repr(value, budget);
            case "a" -> PercentFormat.ascii(Text.repr(value, budget));
            default -> throw new Fault("the format has an unknown conversion");
          };
    }
    return FormatSpec.apply(value, spec, budget);
  }

  private static int outsideBrackets(String text, char sought) {
    boolean inside = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      inside = c == '[' || (inside && c != ']');
      if (c == sought && !inside) {
        return i;
      }
    }
    return -1;
  }

  private Object value(String path) {
    int end = 0;
    while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
      end++;
    }
    Object value = first(path.substring(0, end));
    while (end < path.length()) {
      boolean attribute = path.charAt(end) == '.';
      int start = end + 1;
      end = start;
      while (end < path.length()
          && (attribute
              ? path.charAt(end) != '.' && path.charAt(end) != '['
              : path.charAt(end) != ']')) {
        end++;
      }
      String part = path.substring(start, end);
      if (part.isEmpty() || (!attribute && end >= path.length())) {
        throw new Fault("the format has an empty or open attribute");
      }
      value =
          attribute
              ? Attributes.attribute(value, part, budget)
              : Attributes.item(value, index(part), budget);
      end += attribute ? 0 : 1;
    }
    return value;
  }

  private static Object index(String part) {
    return part.chars().allMatch(c -> c >= '0' && c <= '9') ? Text.toInteger(part) : part;
  }

  private Object first(String name) {
    if (name.isEmpty()) {
      if (numbered) {
        throw new Fault("the format mixes numbered and unnumbered fields");
      }
      return positional(BigInteger.valueOf(automatic++));
    }
    if (index(name) instanceof BigInteger number) {
      if (automatic > 0) {
        throw new Fault("the format mixes numbered and unnumbered fields");
      }
      numbered = true;
      return positional(number);
    }
    Object value = named.get(name, budget);
    if (value == null) {
      throw new Fault("the format names '%s', which is not given".formatted(name));
    }
    return value;
  }

  private Object positional(BigInteger index) {
    if (index.compareTo(BigInteger.valueOf(arguments.positional().size())) >= 0) {
      throw new Fault("the format has more fields than there are arguments");
    }
    return arguments.positional().get(index.intValueExact());
  }
}
