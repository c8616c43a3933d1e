package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Python's methods of strings. */
final class StringMethods {
  /** A method, given its string and its arguments. */
  @FunctionalInterface
  private interface Method {
    Object call(String text, Arguments arguments, Budget budget);
  }

  private static final Map<String, Method> METHODS =
      Map.ofEntries(
          plain("upper", Letters::upper),
          plain("lower", Letters::lower),
          plain("capitalize", Letters::capitalize),
          plain("title", Letters::title),
          plain("swapcase", Letters::swapCase),
          plain("casefold", Letters::fold),
          plain(
              "isalnum",
              text -> Letters.all(text, c -> Letters.isAlpha(c) || CodePoints.isNumeric(c))),
          plain("isalpha", text -> Letters.all(text, Letters::isAlpha)),
          plain("isascii", text -> text.chars().allMatch(c -> c < 0x80)),
          plain("isdecimal", text -> Letters.all(text, Character::isDigit)),
          plain("isdigit", text -> Letters.all(text, Letters::isDigit)),
          plain("isnumeric", text -> Letters.all(text, CodePoints::isNumeric)),
          plain("isspace", text -> Letters.all(text, CodePoints::isSpace)),
          plain("isprintable", text -> text.codePoints().allMatch(CodePoints::isPrintable)),
          plain("isidentifier", Letters::isIdentifier),
          plain("islower", text -> Letters.cased(text, false)),
          plain("isupper", text -> Letters.cased(text, true)),
          plain("istitle", Letters::isTitle),
          Map.entry("strip", strip(true, true)),
          Map.entry("lstrip", strip(true, false)),
          Map.entry("rstrip", strip(false, true)),
          Map.entry("split", (text, given, budget) -> Splitting.split(text, given, false, budget)),
          Map.entry("rsplit", (text, given, budget) -> Splitting.split(text, given, true, budget)),
          Map.entry("splitlines", Splitting::lines),
          Map.entry("partition", (text, given, b) -> Splitting.partition(text, given, false)),
          Map.entry("rpartition", (text, given, b) -> Splitting.partition(text, given, true)),
          Map.entry("join", StringMethods::join),
          Map.entry("replace", StringMethods::replace),
          Map.entry("startswith", (text, given, b) -> affix("startswith", text, given)),
          Map.entry("endswith", (text, given, b) -> affix("endswith", text, given)),
          Map.entry("removeprefix", StringMethods::removePrefix),
          Map.entry("removesuffix", StringMethods::removeSuffix),
          Map.entry("find", (text, given, budget) -> find("find", text, given, budget)),
          Map.entry("rfind", (text, given, budget) -> find("rfind", text, given, budget)),
          Map.entry("index", (text, given, budget) -> found("find", text, given, budget)),
          Map.entry("rindex", (text, given, budget) -> found("rfind", text, given, budget)),
          Map.entry("count", StringMethods::count),
          Map.entry("center", pad("center")),
          Map.entry("ljust", pad("ljust")),
          Map.entry("rjust", pad("rjust")),
          Map.entry("zfill", StringMethods::zeroFill),
          Map.entry("expandtabs", StringMethods::expandTabs),
          Map.entry("format", BraceFormat::format),
          Map.entry("format_map", BraceFormat::formatMap),
          unsupported("encode"),
          unsupported("maketrans"),
          unsupported("translate"));

  // Those whose result is safe if their string is, though none of their arguments is escaped.
  private static final Set<String> NOT_ESCAPING =
      Set.of(
          "strip",
          "lstrip",
          "rstrip",
          "split",
          "rsplit",
          "splitlines",
          "partition",
          "rpartition",
          "removeprefix",
          "removesuffix",
          "center",
          "ljust",
          "rjust",
          "zfill",
          "expandtabs",
          "upper",
          "lower",
          "capitalize",
          "title",
          "swapcase",
          "casefold");

  private StringMethods() {}

  private static Map.Entry<String, Method> plain(
      String name, java.util.function.Function<String, Object> method) {
    return Map.entry(
        name,
        (text, arguments, budget) -> {
          arguments.positionalOnly(name, 0, 0);
          budget.characters(text.length());
          return method.apply(text);
        });
  }

  // Is there, so that a test for it is true, but cannot be called.
  private static Map.Entry<String, Method> unsupported(String name) {
    return Map.entry(
        name,
        (text, arguments, budget) -> {
          throw new Fault("'%s' of a string is not supported".formatted(name));
        });
  }

  static Function methodOrNull(String text, String name, Budget budget) {
    Method method = METHODS.get(name);
    return method == null
        ? null
        : arguments -> {
          budget.steps(text.length() >> 6);
          return method.call(text, arguments, budget);
        };
  }

  static Function safeMethodOrNull(Markup markup, String name, Budget budget) {
    Function method = methodOrNull(markup.text(), name, budget);
    if (method == null) {
      return null;
    }
    if (name.startsWith("format")) {
      throw new Fault("'%s' of a string that is marked safe is not supported".formatted(name));
    }
    boolean escapes = name.equals("replace") || name.equals("join");
    return arguments -> {
      Object result = method.call(escapes ? escaped(name, arguments, budget) : arguments);
      return escapes || NOT_ESCAPING.contains(name) ? safe(result) : result;
    };
  }

  private static Arguments escaped(String name, Arguments arguments, Budget budget) {
    List<Object> values =
        name.equals("join") && arguments.positional().size() == 1
            ? Sequences.list(arguments.positional().getFirst(), budget)
            : arguments.positional();
    List<Object> escaped = new ArrayList<>();
    for (Object value : values) {
      escaped.add(Types.text(value) == null ? value : Markup.escape(value, budget));
    }
    return new Arguments(name.equals("join") ? List.of(escaped) : escaped, arguments.named());
  }

  private static Object safe(Object result) {
    return switch (result) {
      case String text -> new Markup(text);
      case List<?> parts -> parts.stream().map(StringMethods::safe).toList();
      case Tuple tuple -> Tuple.of(tuple.items().stream().map(StringMethods::safe).toList());
      default -> result;
    };
  }

  private static Method strip(boolean left, boolean right) {
    return (text, arguments, budget) -> {
      List<Object> given = arguments.positionalOnly("strip", 0, 1);
      return stripped(text, given.isEmpty() ? None.NONE : given.getFirst(), left, right, budget);
    };
  }

  /**
   * {@return {@code text} without whitespace, or without {@code characters} if they are no None}
   */
  static String stripped(
      String text, Object characters, boolean left, boolean right, Budget budget) {
    if (characters == None.NONE) {
      return CodePoints.strip(text, left, right, CodePoints::isSpace);
    }
    String set = Parameters.textOf(characters);
    budget.search(text, set);
    return CodePoints.strip(text, left, right, c -> set.indexOf(c) >= 0);
  }

  private static Object join(String text, Arguments arguments, Budget budget) {
    List<Object> parts = Sequences.list(arguments.positionalOnly("join", 1, 1).getFirst(), budget);
    parts.forEach(
        part -> budget.characters((long) Parameters.textOf(part).length() + text.length()));
    return String.join(text, parts.stream().map(Types::text).toList());
  }

  private static Object replace(String text, Arguments arguments, Budget budget) {
    List<Object> given = arguments.positionalOnly("replace", 2, 3);
    int most = given.size() > 2 ? Parameters.cut(Parameters.integerOf(given.get(2))) : -1;
    return replaced(
        text, Parameters.textOf(given.get(0)), Parameters.textOf(given.get(1)), most, budget);
  }

  /** {@return {@code text} with the first {@code most} places replaced; all if it is negative} */
  static String replaced(String text, String old, String replacement, int most, Budget budget) {
    budget.search(text, old);
    int left = most < 0 ? Integer.MAX_VALUE : most;
    StringBuilder out = new StringBuilder();
    int done = 0;
    int from = 0;
    for (int at = text.indexOf(old); at >= 0 && left > 0; left--) {
      budget.characters((long) replacement.length() + at - done);
      out.append(text, done, at).append(replacement);
      done = at + old.length();
      from = old.isEmpty() ? next(text, at) : done;
      at = from > text.length() ? -1 : text.indexOf(old, from);
    }
    return out.append(text, done, text.length()).toString();
  }

  private static int next(String text, int at) {
    return at >= text.length() ? at + 1 : text.offsetByCodePoints(at, 1);
  }

  private static String part(String text, List<Object> given) {
    Object start = given.size() > 1 ? given.get(1) : None.NONE;
    Object stop = given.size() > 2 ? given.get(2) : None.NONE;
    return Bounds.of(start, stop, None.NONE, CodePoints.length(text)).of(text);
  }

  private static Object affix(String method, String text, Arguments arguments) {
    List<Object> given = arguments.positionalOnly(method, 1, 3);
    String part = part(text, given);
    List<Object> affixes =
        given.getFirst() instanceof Tuple several ? several.items() : given.subList(0, 1);
    return affixes.stream()
        .map(Parameters::textOf)
        .anyMatch(
            affix -> method.equals("startswith") ? part.startsWith(affix) : part.endsWith(affix));
  }

  private static Object removePrefix(String text, Arguments arguments, Budget budget) {
    String prefix = Parameters.textOf(arguments.positionalOnly("removeprefix", 1, 1).getFirst());
    return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
  }

  private static Object removeSuffix(String text, Arguments arguments, Budget budget) {
    String suffix = Parameters.textOf(arguments.positionalOnly("removesuffix", 1, 1).getFirst());
    return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
  }

  private static BigInteger find(String method, String text, Arguments arguments, Budget budget) {
    List<Object> given = arguments.positionalOnly(method, 1, 3);
    String sought = Parameters.textOf(given.getFirst());
    budget.search(text, sought);
    Object start = given.size() > 1 ? given.get(1) : None.NONE;
    Object stop = given.size() > 2 ? given.get(2) : None.NONE;
    int size = CodePoints.length(text);
    Bounds bounds = Bounds.of(start, stop, None.NONE, size);
    boolean beyond =
        start != None.NONE && Parameters.integerOf(start).compareTo(BigInteger.valueOf(size)) > 0;
    String part = bounds.of(text);
    int at = method.equals("find") ? part.indexOf(sought) : part.lastIndexOf(sought);
    return at < 0 || beyond
        ? BigInteger.ONE.negate()
        : BigInteger.valueOf(bounds.start() + (long) part.codePointCount(0, at));
  }

  private static Object found(String method, String text, Arguments arguments, Budget budget) {
    BigInteger at = find(method, text, arguments, budget);
    if (at.signum() < 0) {
      throw new Fault("the substring is not found");
    }
    return at;
  }

  private static Object count(String text, Arguments arguments, Budget budget) {
    List<Object> given = arguments.positionalOnly("count", 1, 3);
    String sought = Parameters.textOf(given.getFirst());
    budget.search(text, sought);
    String part = part(text, given);
    if (sought.isEmpty()) {
      return BigInteger.valueOf(CodePoints.length(part) + 1L);
    }
    long count = 0;
    for (int at = part.indexOf(sought); at >= 0; at = part.indexOf(sought, at + sought.length())) {
      count++;
    }
    return BigInteger.valueOf(count);
  }

  private static Method pad(String method) {
    return (text, arguments, budget) -> {
      List<Object> given = arguments.positionalOnly(method, 1, 2);
      int width = Parameters.cut(Parameters.integerOf(given.getFirst()));
      String fill = given.size() > 1 ? Parameters.textOf(given.get(1)) : " ";
      if (CodePoints.length(fill) != 1) {
        throw new Fault("the fill character must be one character");
      }
      return padded(text, width, fill, method, budget);
    };
  }

  /** {@return {@code text} made {@code width} long} The odd one of a centre is Python's. */
  static String padded(String text, int width, String fill, String method, Budget budget) {
    int gap = width - CodePoints.length(text);
    if (gap <= 0) {
      return text;
    }
    budget.characters((long) width * fill.length());
    int left =
        switch (method) {
          case "ljust" -> 0;
          case "rjust" -> gap;
          default -> gap / 2 + (gap & width & 1);
        };
    return fill.repeat(left) + text + fill.repeat(gap - left);
  }

  private static Object zeroFill(String text, Arguments arguments, Budget budget) {
    int width =
        Parameters.cut(Parameters.integerOf(arguments.positionalOnly("zfill", 1, 1).getFirst()));
    boolean signed = text.startsWith("-") || text.startsWith("+");
    return signed
        ? text.charAt(0) + padded(text.substring(1), width - 1, "0", "rjust", budget)
        : padded(text, width, "0", "rjust", budget);
  }

  private static Object expandTabs(String text, Arguments arguments, Budget budget) {
    int size = Parameters.of("expandtabs", arguments, budget, "tabsize=").integer(0, 8);
    StringBuilder out = new StringBuilder();
    int column = 0;
    for (var all = text.codePoints().iterator(); all.hasNext(); ) {
      int c = all.nextInt();
      if (c == '\t') {
        int gap = size <= 0 ? 0 : size - column % size;
        budget.characters(gap);
        out.repeat(' ', gap);
        column += gap;
      } else {
        out.appendCodePoint(c);
        column = c == '\n' || c == '\r' ? 0 : column + 1;
      }
    }
    return out.toString();
  }
}
