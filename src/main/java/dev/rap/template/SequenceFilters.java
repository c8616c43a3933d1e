package dev.rap.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters of lists and dicts. */
final class SequenceFilters {
  static final Map<String, Filters.Filter> ALL =
      Map.ofEntries(
          Map.entry("length", SequenceFilters::length),
          Map.entry("count", SequenceFilters::length),
          Map.entry("default", SequenceFilters::standard),
          Map.entry("d", SequenceFilters::standard),
          Map.entry("first", SequenceFilters::first),
          Map.entry("last", SequenceFilters::last),
          Map.entry(
              "list",
              (filters, given) ->
                  Sequences.list(filters.bind("list", given, "value").get(0), filters.budget())),
          Map.entry("reverse", SequenceFilters::reverse),
          Map.entry("join", SequenceFilters::join),
          Map.entry("sort", SequenceFilters::sort),
          Map.entry("dictsort", SequenceFilters::dictSort),
          Map.entry("items", SequenceFilters::items),
          Map.entry("attr", SequenceFilters::attribute),
          Map.entry("sum", SequenceFilters::sum),
          Map.entry("min", (filters, given) -> extreme("min", filters, given)),
          Map.entry("max", (filters, given) -> extreme("max", filters, given)),
          Map.entry("batch", SequenceFilters::batch),
          Map.entry("slice", SequenceFilters::slice),
          Map.entry("groupby", SequenceFilters::groupBy));

  private SequenceFilters() {}

  private static Object length(Filters filters, Arguments arguments) {
    return Sequences.length(arguments.positionalOnly("length", 1, 1).getFirst());
  }

  private static Object standard(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("default", arguments, "value", "default_value=", "boolean=");
    Object value = given.get(0);
    boolean absent =
        value instanceof Undefined || (given.flag(2, false) && !Sequences.isTrue(value));
    return absent ? given.get(1, "") : value;
  }

  private static Object first(Filters filters, Arguments arguments) {
    Iterator<Object> items = Sequences.iterate(filters.bind("first", arguments, "seq").get(0));
    return items.hasNext() ? items.next() : new Undefined("there is no first item");
  }

  private static Object last(Filters filters, Arguments arguments) {
    Object value = filters.bind("last", arguments, "seq").get(0);
    String text = Types.text(value);
    List<Object> items =
        text == null
            ? reversed(value)
            : text.isEmpty() ? List.of() : List.of(CodePoints.last(text));
    return items.isEmpty() ? new Undefined("there is no last item") : items.getFirst();
  }

  private static List<Object> reversed(Object value) {
    List<Object> items = Sequences.reversedOrNull(value);
    if (items == null) {
      throw new Fault("a value of type '%s' cannot be reversed".formatted(Types.name(value)));
    }
    return items;
  }

  private static Object reverse(Filters filters, Arguments arguments) {
    Object value = filters.bind("reverse", arguments, "value").get(0);
    String text = Types.text(value);
    if (text != null) {
      filters.budget().characters(text.length());
      return Sequences.like(value, new StringBuilder(text).reverse().toString());
    }
    List<Object> items = Sequences.reversedOrNull(value);
    return items == null
        ? Sequences.list(value, filters.budget()).reversed()
        : new Lazy("list_reverseiterator", items.iterator());
  }

  private static Object join(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("join", arguments, "value", "d=", "attribute=");
    Budget budget = filters.budget();
    String separator = Text.of(given.get(1, ""), budget);
    UnaryOperator<Object> path =
        given.hasSome(2) ? Paths.of(given.get(2), budget) : UnaryOperator.identity();
    StringBuilder out = new StringBuilder();
    boolean further = false;
    for (Iterator<Object> i = Sequences.iterate(given.get(0)); i.hasNext(); ) {
      budget.step();
      String part = Text.of(path.apply(i.next()), budget);
      budget.characters((long) part.length() + separator.length());
      out.append(further ? separator : "").append(part);
      further = true;
    }
    return out.toString();
  }

  private static Object sort(Filters filters, Arguments arguments) {
    Parameters given =
        filters.bind("sort", arguments, "value", "reverse=", "case_sensitive=", "attribute=");
    Budget budget = filters.budget();
    List<UnaryOperator<Object>> paths = Paths.several(given.get(3, None.NONE), budget);
    boolean exact = given.flag(2, false);
    return Sorting.sorted(
        Sequences.list(given.get(0), budget),
        item ->
            new ArrayList<>(
                paths.stream().map(path -> folded(path.apply(item), exact, budget)).toList()),
        given.flag(1, false),
        budget);
  }

  /** {@return a string in lower case, unless case matters} */
  static Object folded(Object value, boolean exact, Budget budget) {
    String text = exact ? null : Types.text(value);
    if (text == null) {
      return value;
    }
    budget.characters(text.length());
    return Letters.lower(text);
  }

  private static Object dictSort(Filters filters, Arguments arguments) {
    Parameters given =
        filters.bind("dictsort", arguments, "value", "case_sensitive=", "by=", "reverse=");
    String by = Text.of(given.get(2, "key"), filters.budget());
    if (!by.equals("key") && !by.equals("value")) {
      throw new Fault("dictsort sorts by 'key' or 'value'");
    }
    if (!(given.get(0) instanceof Dict dict)) {
      throw given.get(0) instanceof Undefined undefined
          ? undefined.fault()
          : new Fault("dictsort needs a dict, not '%s'".formatted(Types.name(given.get(0))));
    }
    boolean exact = given.flag(1, false);
    return Sorting.sorted(
        new DictView(DictView.Kind.ITEMS, dict).items(),
        pair ->
            folded(((Tuple) pair).items().get(by.equals("key") ? 0 : 1), exact, filters.budget()),
        given.flag(3, false),
        filters.budget());
  }

  private static Object items(Filters filters, Arguments arguments) {
    Object value = filters.bind("items", arguments, "value").get(0);
    if (value instanceof Undefined) {
      return Lazy.empty();
    }
    if (!(value instanceof Dict dict)) { // an error only where it is iterated
      return Lazy.generator(
          () -> {
            throw new Fault("items needs a dict, not '%s'".formatted(Types.name(value)));
          },
          filters.budget());
    }
    return Lazy.over(new DictView(DictView.Kind.ITEMS, dict).items().iterator());
  }

  private static Object attribute(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("attr", arguments, "obj", "name");
    if (given.get(0) instanceof Undefined undefined) {
      throw undefined.fault();
    }
    Object value = Attributes.ownOrNull(given.get(0), given.text(1), filters.budget());
    return value == null
        ? new Undefined("there is no attribute " + Text.shown(given.text(1)))
        : value;
  }

  private static Object sum(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("sum", arguments, "iterable", "attribute=", "start=");
    UnaryOperator<Object> path =
        given.hasSome(1) ? Paths.of(given.get(1), filters.budget()) : UnaryOperator.identity();
    Object total = given.get(2, BigInteger.ZERO);
    if (Types.text(total) != null) {
      throw new Fault("strings are joined, not summed");
    }
    for (Object item : Sequences.list(given.get(0), filters.budget())) {
      total = Arithmetic.apply(Arithmetic.Operator.ADD, total, path.apply(item), filters.budget());
    }
    return total;
  }

  private static Object extreme(String name, Filters filters, Arguments arguments) {
    Parameters given = filters.bind(name, arguments, "value", "case_sensitive=", "attribute=");
    Budget budget = filters.budget();
    UnaryOperator<Object> path = Paths.of(given.get(2, None.NONE), budget);
    boolean exact = given.flag(1, false);
    Object best = null;
    Object bestKey = null;
    for (Object item : Sequences.list(given.get(0), budget)) {
      Object key = folded(path.apply(item), exact, budget);
      boolean better =
          best == null
              || (name.equals("min")
                  ? filters.tests().compares("<", key, bestKey)
                  : filters.tests().compares(">", key, bestKey));
      best = better ? item : best;
      bestKey = better ? key : bestKey;
    }
    return best == null ? new Undefined("there is no item to aggregate") : best;
  }

  private static Object batch(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("batch", arguments, "value", "linecount", "fill_with=");
    int count = given.integer(1);
    List<Object> batches = new ArrayList<>();
    List<Object> batch = new ArrayList<>();
    for (Object item : Sequences.list(given.get(0), filters.budget())) {
      if (batch.size() == count) {
        batches.add(batch);
        batch = new ArrayList<>();
      }
      batch.add(item);
    }
    if (!batch.isEmpty()) {
      filters.budget().steps(given.hasSome(2) ? Math.max(0, count) : 0);
      while (given.hasSome(2) && batch.size() < count) {
        batch.add(given.get(2));
      }
      batches.add(batch);
    }
    return Lazy.over(batches.iterator());
  }

  private static Object slice(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("slice", arguments, "value", "slices", "fill_with=");
    List<Object> items = Sequences.list(given.get(0), filters.budget());
    int count = given.integer(1);
    if (count == 0) {
      throw new Fault("division by zero");
    }
    filters.budget().steps(Math.max(0, count));
    List<Object> slices = new ArrayList<>();
    int at = 0;
    for (int i = 0; i < count; i++) {
      int extra = i < items.size() % count ? 1 : 0;
      int end = at + items.size() / count + extra;
      List<Object> slice = new ArrayList<>(items.subList(at, end));
      if (given.hasSome(2) && extra == 0) {
        slice.add(given.get(2));
      }
      slices.add(slice);
      at = end;
    }
    return Lazy.over(slices.iterator());
  }

  private static Object groupBy(Filters filters, Arguments arguments) {
    Parameters given =
        filters.bind("groupby", arguments, "value", "attribute", "default=", "case_sensitive=");
    Budget budget = filters.budget();
    UnaryOperator<Object> path = Paths.of(given.get(1), given.get(2, None.NONE), budget);
    boolean exact = given.flag(3, false);
    UnaryOperator<Object> key = item -> folded(path.apply(item), exact, budget);
    List<Object> sorted = Sorting.sorted(Sequences.list(given.get(0), budget), key, false, budget);
    List<Object> groups = new ArrayList<>();
    for (int i = 0; i < sorted.size(); ) {
      int start = i;
      Object first = key.apply(sorted.get(i));
      while (i < sorted.size() && Equality.same(key.apply(sorted.get(i)), first, budget)) {
        i++;
      }
      groups.add(
          new Tuple(
              List.of(path.apply(sorted.get(start)), sorted.subList(start, i)),
              List.of("grouper", "list")));
    }
    return groups;
  }
}
