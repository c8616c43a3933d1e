package dev.rap.template;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters that make strings. */
final class TextFilters {
  static final Map<String, Filters.Filter> ALL =
      Map.ofEntries(
          text("upper", Letters::upper),
          text("lower", Letters::lower),
          text("capitalize", Letters::capitalize),
          text("title", TextFilters::title),
          Map.entry("trim", TextFilters::trim),
          Map.entry("replace", TextFilters::replace),
          Map.entry("indent", TextFilters::indent),
          Map.entry("center", TextFilters::center),
          Map.entry("truncate", TextFilters::truncate),
          Map.entry("wordcount", TextFilters::wordCount),
          Map.entry("format", TextFilters::format),
          Map.entry("string", (filters, given) -> soft(filters.bind("string", given, "s"))),
          Map.entry(
              "safe",
              (filters, given) -> new Markup(filters.bind("safe", given, "value").printed(0))),
          Map.entry("escape", TextFilters::escape),
          Map.entry("e", TextFilters::escape),
          Map.entry("forceescape", TextFilters::forceEscape),
          Map.entry("striptags", TextFilters::stripTags),
          Map.entry("urlencode", TextFilters::urlEncode),
          Map.entry("xmlattr", TextFilters::xmlAttributes),
          Map.entry("tojson", TextFilters::toJson));

  private TextFilters() {}

  private static Map.Entry<String, Filters.Filter> text(String name, UnaryOperator<String> change) {
    return Map.entry(
        name,
        (filters, arguments) -> {
          Parameters given = filters.bind(name, arguments, "s");
          filters.budget().characters(given.printed(0).length());
          String changed = change.apply(given.printed(0));
          return name.equals("title") ? changed : Sequences.like(given.get(0), changed);
        });
  }

  // A string as it is, anything else as it prints.
  private static Object soft(Parameters given) {
    return given.get(0) instanceof Markup markup ? markup : given.printed(0);
  }

  private static String title(String text) {
    StringBuilder out = new StringBuilder();
    StringBuilder word = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              boolean between = "-({[<".indexOf(c) >= 0 || CodePoints.isSpace(c);
              if (between) {
                out.append(titled(word.toString()));
                word.setLength(0);
                out.appendCodePoint(c);
              } else {
                word.appendCodePoint(c);
              }
            });
    return out.append(titled(word.toString())).toString();
  }

  private static String titled(String word) {
    if (word.isEmpty()) {
      return word;
    }
    int first = Character.charCount(word.codePointAt(0));
    return Letters.upper(word.substring(0, first)) + Letters.lower(word.substring(first));
  }

  private static Object trim(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("trim", arguments, "value", "chars=");
    return Sequences.like(
        given.get(0),
        StringMethods.stripped(
            given.printed(0), given.get(1, None.NONE), true, true, filters.budget()));
  }

  private static Object replace(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("replace", arguments, "s", "old", "new", "count=");
    int most = given.hasSome(3) ? given.integer(3) : -1;
    return StringMethods.replaced(
        given.printed(0), given.printed(1), given.printed(2), most, filters.budget());
  }

  private static Object indent(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("indent", arguments, "s", "width=", "first=", "blank=");
    Object width = given.get(1, BigInteger.valueOf(4));
    String indent = Types.text(width);
    if (indent == null) {
      int spaces = Math.max(0, Parameters.cut(Parameters.integerOf(width)));
      filters.budget().characters(spaces);
      indent = " ".repeat(spaces);
    }
    boolean blank = given.flag(3, false);
    List<Object> lines = Splitting.lines(given.text(0) + "\n", false);
    StringBuilder out = new StringBuilder(given.flag(2, false) ? indent : "");
    for (int i = 0; i < lines.size(); i++) {
      String line = (String) lines.get(i);
      filters.budget().characters((long) line.length() + indent.length() + 1);
      out.append(i == 0 ? "" : "\n").append(i > 0 && (blank || !line.isEmpty()) ? indent : "");
      out.append(line);
    }
    return Sequences.like(given.get(0), out.toString());
  }

  private static Object center(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("center", arguments, "value", "width=");
    String text = given.printed(0);
    return Sequences.like(
        given.get(0),
        StringMethods.padded(text, given.integer(1, 80), " ", "center", filters.budget()));
  }

  private static Object truncate(Filters filters, Arguments arguments) {
    Parameters given =
        filters.bind("truncate", arguments, "s", "length=", "killwords=", "end=", "leeway=");
    String end = given.text(3, "...");
    int length = given.integer(1, 255);
    int leeway = given.hasSome(4) ? given.integer(4) : 5;
    int endLength = CodePoints.length(end);
    if (length < endLength || leeway < 0) {
      throw new Fault(
          "truncate needs a length of %d at least, and no negative leeway".formatted(endLength));
    }
    if (Sequences.length(given.get(0)).intValueExact() <= (long) length + leeway) {
      return given.get(0);
    }
    String cut = CodePoints.slice(given.text(0), 0, length - endLength);
    int space = cut.lastIndexOf(' ');
    return (given.flag(2, false) || space < 0 ? cut : cut.substring(0, space)) + end;
  }

  private static Object wordCount(Filters filters, Arguments arguments) {
    String text = filters.bind("wordcount", arguments, "s").printed(0);
    long words = 0;
    boolean inside = false;
    for (var all = text.codePoints().iterator(); all.hasNext(); ) {
      int c = all.nextInt();
      boolean word = CodePoints.isWord(c);
      words += word && !inside ? 1 : 0;
      inside = word;
    }
    return BigInteger.valueOf(words);
  }

  private static Object format(Filters filters, Arguments arguments) {
    Parameters given =
        filters.bind("format", new Arguments(arguments.positional().subList(0, 1), Map.of()), "s");
    List<Object> values = arguments.without(1).positional();
    if (!values.isEmpty() && !arguments.named().isEmpty()) {
      throw new Fault("format takes positional or named arguments, not both");
    }
    Dict named = new Dict();
    arguments.named().forEach((name, value) -> named.put(name, value, filters.budget()));
    Object all = named.size() > 0 ? named : Tuple.of(values);
    return PercentFormat.apply(soft(given), all, filters.budget());
  }

  private static Object escape(Filters filters, Arguments arguments) {
    Object value = arguments.positionalOnly("escape", 1, 1).getFirst();
    return new Markup(Markup.escape(value, filters.budget()));
  }

  private static Object forceEscape(Filters filters, Arguments arguments) {
    String text = filters.bind("forceescape", arguments, "value").printed(0);
    return new Markup(Markup.escape(text, filters.budget()));
  }

  private static Object stripTags(Filters filters, Arguments arguments) {
    String text = filters.bind("striptags", arguments, "value").printed(0);
    if (text.matches("(?s).*&[#a-zA-Z].*")) {
      throw new Fault("striptags of a text with character references is not supported");
    }
    String bare = without(without(text, "<!--", "-->"), "<", ">");
    List<Object> words =
        Sequences.list(
            Splitting.split(bare, Arguments.of(), false, filters.budget()), filters.budget());
    return String.join(" ", words.stream().map(Types::text).toList());
  }

  private static String without(String text, String start, String end) {
    StringBuilder out = new StringBuilder();
    int done = 0;
    for (int at = text.indexOf(start); at >= 0; at = text.indexOf(start, done)) {
      int stop = text.indexOf(end, at);
      if (stop < 0) {
        break;
      }
      out.append(text, done, at);
      done = stop + end.length();
    }
    return out.append(text.substring(done)).toString();
  }

  private static Object urlEncode(Filters filters, Arguments arguments) {
    Object value = filters.bind("urlencode", arguments, "value").get(0);
    Budget budget = filters.budget();
    boolean single = Types.text(value) != null || Sequences.iterateOrNull(value) == null;
    if (single) {
      return quoted(Text.of(value, budget), "/", budget);
    }
    Object pairs = value instanceof Dict dict ? new DictView(DictView.Kind.ITEMS, dict) : value;
    List<String> parts = new ArrayList<>();
    for (Object pair : Sequences.list(pairs, budget)) {
      List<Object> both = Sequences.list(pair, budget);
      if (both.size() != 2) {
        throw new Fault("urlencode needs pairs");
      }
      parts.add(
          quoted(Text.of(both.get(0), budget), "", budget).replace("%20", "+")
              + "="
              + quoted(Text.of(both.get(1), budget), "", budget).replace("%20", "+"));
    }
    return String.join("&", parts);
  }

  private static String quoted(String text, String safe, Budget budget) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xFF);
      budget.characters(3);
      boolean plain = c < 0x80 && (Character.isLetterOrDigit(c) || ("_.-~" + safe).indexOf(c) >= 0);
      out.append(plain ? String.valueOf(c) : "%%%02X".formatted((int) c));
    }
    return out.toString();
  }

  private static Object xmlAttributes(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("xmlattr", arguments, "d", "autospace=");
    if (!(given.get(0) instanceof Dict dict)) {
      throw new Fault("xmlattr needs a dict");
    }
    List<String> parts = new ArrayList<>();
    for (Map.Entry<Object, Object> entry : dict.entries()) {
      if (entry.getValue() == None.NONE || entry.getValue() instanceof Undefined) {
        continue;
      }
      String key = Parameters.textOf(entry.getKey());
      if (key.matches("(?s).*[ \\t\\n\\r\\f\\x0B/>=].*")) {
        throw new Fault("%s is no name of an attribute".formatted(Text.shown(key)));
      }
      parts.add(
          Markup.escape(key, filters.budget())
              + "=\""
              + Markup.escape(entry.getValue(), filters.budget())
              + "\"");
    }
    String text = String.join(" ", parts);
    return given.flag(1, true) && !text.isEmpty() ? " " + text : text;
  }

  private static Object toJson(Filters filters, Arguments arguments) {
    Parameters given =
        filters.bind(
            "tojson", arguments, "x", "ensure_ascii=", "indent=", "separators=", "sort_keys=");
    String indent = given.hasSome(2) ? Types.text(given.get(2)) : null;
    if (given.hasSome(2) && indent == null) {
      int width = Math.max(0, given.integer(2));
      filters.budget().characters(width);
      indent = " ".repeat(width);
    }
    List<Object> separators =
        given.hasSome(3)
            ? Sequences.list(given.get(3), filters.budget())
            : List.of(indent == null ? ", " : ",", ": ");
    if (separators.size() != 2) {
      throw new Fault("tojson needs two separators");
    }
    Json.Style style =
        new Json.Style(
            given.flag(1, false),
            indent,
            Parameters.textOf(separators.get(0)),
            Parameters.textOf(separators.get(1)),
            given.flag(4, false));
    return Json.of(given.get(0), style, filters.budget());
  }
}
