package dev.rap.template;

import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Filters that go through a sequence as it is asked for. */
final class SelectionFilters {
  static final Map<String, Filters.Filter> ALL =
      Map.of(
          "map", SelectionFilters::map,
          "select", (filters, given) -> select("select", filters, given),
          "reject", (filters, given) -> select("reject", filters, given),
          "selectattr", (filters, given) -> select("selectattr", filters, given),
          "rejectattr", (filters, given) -> select("rejectattr", filters, given),
          "unique", SelectionFilters::unique);

  private SelectionFilters() {}

  private static Object map(Filters filters, Arguments arguments) {
    Object value = arguments.positional().getFirst();
    Arguments rest = arguments.without(1);
    if (!Sequences.isTrue(value)) {
      return Lazy.empty();
    }
    Iterator<Object> items = Sequences.iterate(value);
    UnaryOperator<Object> change = change(filters, rest);
    return Lazy.generator(
        () -> items.hasNext() ? change.apply(items.next()) : null, filters.budget());
  }

  private static UnaryOperator<Object> change(Filters filters, Arguments arguments) {
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Object otherwise = arguments.named().getOrDefault("default", None.NONE);
      if (arguments.named().size() > (arguments.named().containsKey("default") ? 2 : 1)) {
        throw new Fault("map by an attribute takes 'attribute' and 'default' only");
      }
      return Paths.of(arguments.named().get("attribute"), otherwise, filters.budget());
    }
    if (arguments.positional().isEmpty()) {
      throw new Fault("map needs a filter or an attribute");
    }
    String name = Parameters.textOf(arguments.positional().getFirst());
    Arguments rest = arguments.without(1);
    return item -> filters.apply(name, rest.withFirst(item));
  }

  private static Object select(String name, Filters filters, Arguments arguments) {
    Object value = arguments.positional().getFirst();
    if (!Sequences.isTrue(value)) {
      return Lazy.empty();
    }
    boolean byAttribute = name.endsWith("attr");
    Arguments rest = arguments.without(1);
    if (byAttribute && rest.positional().isEmpty()) {
      throw new Fault(name + " needs the name of an attribute");
    }
    UnaryOperator<Object> path =
        byAttribute
            ? Paths.of(rest.positional().getFirst(), filters.budget())
            : UnaryOperator.identity();
    Predicate<Object> test = test(filters, byAttribute ? rest.without(1) : rest);
    boolean wanted = name.startsWith("select");
    return chosen(value, filters.budget(), item -> test.test(path.apply(item)) == wanted);
  }

  private static Predicate<Object> test(Filters filters, Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      return Sequences::isTrue;
    }
    String name = Parameters.textOf(arguments.positional().getFirst());
    Arguments rest = arguments.without(1);
    return item -> filters.tests().apply(name, rest.withFirst(item));
  }

  private static Object unique(Filters filters, Arguments arguments) {
    Parameters given = filters.bind("unique", arguments, "value", "case_sensitive=", "attribute=");
    UnaryOperator<Object> path = Paths.of(given.get(2, None.NONE), filters.budget());
    boolean exact = given.flag(1, false);
    Set<Object> seen = new HashSet<>();
    return chosen(
        given.get(0),
        filters.budget(),
        item ->
            seen.add(
                Keys.of(
                    SequenceFilters.folded(path.apply(item), exact, filters.budget()),
                    filters.budget())));
  }

  private static Lazy chosen(Object value, Budget budget, Predicate<Object> wanted) {
    Iterator<Object> items = Sequences.iterate(value);
    return Lazy.generator(
        () -> {
          while (items.hasNext()) {
            budget.step();
            Object item = items.next();
            if (wanted.test(item)) {
              return item;
            }
          }
          return null;
        },
        budget);
  }
}
