package dev.rap.template;

import dev.rap.template.Statement.MacroCode;
import java.util.List;
import java.util.Map;

/**
 * A function that a template defines.
 *
 * @param scope where it is defined
 */
record Macro(MacroCode code, Scope scope, Interpreter interpreter) implements Function {
  String name() {
    return code.name();
  }

  @Override
  public Object call(Arguments arguments) {
    Scope inner = new Scope(scope);
    List<String> parameters = code.parameters();
    List<Object> given = arguments.positional();
    Map<String, Object> named = arguments.namedCopy();
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      Object value = i < given.size() ? given.get(i) : named.remove(parameter);
      inner.set(parameter, value == null ? standard(i, inner) : value);
    }
    special(given, named, inner);
    return interpreter.captured(code.body(), inner);
  }

  private Object standard(int index, Scope inner) {
    int first = code.parameters().size() - code.defaults().size();
    return index < first
        ? new Undefined("parameter '%s' was not provided".formatted(code.parameters().get(index)))
        : interpreter.evaluator().evaluate(code.defaults().get(index - first), inner);
  }

  private void special(List<Object> given, Map<String, Object> named, Scope inner) {
    if (code.special().contains("caller")) {
      Object caller = named.remove("caller");
      inner.set("caller", caller == null ? new Undefined("No caller defined") : caller);
    }
    int count = code.parameters().size();
    if (code.special().contains("kwargs")) {
      Dict rest = new Dict();
      named.forEach((name, value) -> rest.put(name, value, interpreter.budget()));
      inner.set("kwargs", rest);
    } else if (!named.isEmpty()) {
      throw new Fault(
          "macro '%s' takes no argument named '%s'"
              .formatted(code.name(), named.keySet().iterator().next()));
    }
    if (code.special().contains("varargs")) {
      inner.set("varargs", Tuple.of(given.subList(Math.min(count, given.size()), given.size())));
    } else if (given.size() > count) {
      throw new Fault(
          "macro '%s' takes at most %d arguments, %d were given"
              .formatted(code.name(), count, given.size()));
    }
  }
}
