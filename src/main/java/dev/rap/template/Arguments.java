package dev.rap.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a call is given. */
record Arguments(List<Object> positional, Map<String, Object> named) {
  static Arguments of(Object... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  Arguments withFirst(Object value) {
    List<Object> all = new ArrayList<>();
    all.add(value);
    all.addAll(positional);
    return new Arguments(all, named);
  }

  Arguments without(int count) {
    return new Arguments(positional.subList(count, positional.size()), named);
  }

  /**
   * {@return a value for each parameter, null for what was not given}
   *
   * @param function its name, for messages
   * @param required so many parameters come first
   */
  Object[] bind(String function, int required, List<String> parameters) {
    if (positional.size() > parameters.size()) {
      throw new Fault(
          "%s() takes at most %d arguments, %d were given"
              .formatted(function, parameters.size(), positional.size()));
    }
    Object[] values = positional.toArray(new Object[parameters.size()]);
    for (Map.Entry<String, Object> argument : named.entrySet()) {
      int index = parameters.indexOf(argument.getKey());
      if (index < 0) {
        throw new Fault("%s() takes no argument named '%s'".formatted(function, argument.getKey()));
      }
      if (values[index] != null) {
        throw new Fault("%s() was given '%s' twice".formatted(function, argument.getKey()));
      }
      values[index] = argument.getValue();
    }
    for (int i = 0; i < required; i++) {
      if (values[i] == null) {
        throw new Fault("%s() needs the argument '%s'".formatted(function, parameters.get(i)));
      }
    }
    return values;
  }

  /** {@return the positional arguments of a function that takes no others} */
  List<Object> positionalOnly(String function, int least, int most) {
    if (!named.isEmpty()) {
      throw new Fault(function + "() takes no named arguments");
    }
    if (positional.size() < least || positional.size() > most) {
      throw new Fault(
          "%s() takes %s, %d were given"
              .formatted(
                  function,
                  least == most
                      ? least + " arguments"
                      : "%d to %d arguments".formatted(least, most),
                  positional.size()));
    }
    return positional;
  }

  Map<String, Object> namedCopy() {
    return new LinkedHashMap<>(named);
  }
}
