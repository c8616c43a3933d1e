package dev.rap.template;

import dev.rap.template.Expression.CallArguments;
import dev.rap.template.Expression.Step;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Works expressions out. Of one rendering. */
final class Evaluator {
  private final Source source;
  private final Budget budget;
  private final Filters filters;
  private final Tests tests;

  Evaluator(Source source, Budget budget) {
    this.source = source;
    this.budget = budget;
    this.tests = new Tests(budget);
    this.filters = new Filters(budget, tests);
  }

  /** {@return what {@code work} gives; what goes wrong in it went wrong at {@code at}} */
  Object guarded(int at, Supplier<Object> work) {
    try {
      return work.get();
    } catch (Fault e) {
      throw source.error(e.getMessage(), at);
    }
  }

  boolean isTrue(Expression expression, Scope scope) {
    return Sequences.isTrue(evaluate(expression, scope));
  }

  Object evaluate(Expression expression, Scope scope) {
    boolean counted = // as a part of what it stands in
        expression instanceof Expression.Constant || expression instanceof Expression.Name;
    try {
      budget.steps(counted ? 0 : 1);
      budget.enter();
      Object value = value(expression, scope);
      budget.leave();
      return value;
    } catch (Fault e) {
      throw source.error(e.getMessage(), expression.at());
    }
  }

  private Object value(Expression expression, Scope scope) {
    return switch (expression) {
      case Expression.Constant constant -> constant.value();
      case Expression.Name name -> scope.get(name.name());
      case Expression.TupleOf tuple -> Tuple.of(all(tuple.items(), scope));
      case Expression.ListOf list -> all(list.items(), scope);
      case Expression.DictOf dict -> dict(dict, scope);
      case Expression.Conditional choice -> choose(choice, scope);
      case Expression.And and -> {
        Object left = evaluate(and.left(), scope);
        yield Sequences.isTrue(left) ? evaluate(and.right(), scope) : left;
      }
      case Expression.Or or -> {
        Object left = evaluate(or.left(), scope);
        yield Sequences.isTrue(left) ? left : evaluate(or.right(), scope);
      }
      case Expression.Not not -> !isTrue(not.operand(), scope);
      case Expression.Signed signed -> {
        Object operand = evaluate(signed.operand(), scope);
        yield signed.negative() ? Arithmetic.negated(operand) : Arithmetic.positive(operand);
      }
      case Expression.Binary binary -> {
        Object left = evaluate(binary.left(), scope);
        yield Arithmetic.apply(binary.operator(), left, evaluate(binary.right(), scope), budget);
      }
      case Expression.Concatenation parts -> concatenated(parts, scope);
      case Expression.Comparison comparison -> compare(comparison, scope);
      case Expression.Attribute attribute ->
          Attributes.attribute(evaluate(attribute.target(), scope), attribute.name(), budget);
      case Expression.Item item -> {
        Object target = evaluate(item.target(), scope);
        yield Attributes.item(target, evaluate(item.index(), scope), budget);
      }
      case Expression.Slice slice -> slice(slice, scope);
      case Expression.Call call -> call(call, Optional.empty(), scope);
      case Expression.Filter filter -> {
        Object target = evaluate(filter.target(), scope);
        yield filters.apply(filter.name(), arguments(filter.arguments(), scope).withFirst(target));
      }
      case Expression.Test test -> {
        Object target = evaluate(test.target(), scope);
        yield tests.apply(test.name(), arguments(test.arguments(), scope).withFirst(target));
      }
    };
  }

  private List<Object> all(List<Expression> expressions, Scope scope) {
    budget.steps(expressions.size());
    List<Object> values = new ArrayList<>();
    for (Expression expression : expressions) {
      values.add(evaluate(expression, scope));
    }
    return values;
  }

  private Dict dict(Expression.DictOf expression, Scope scope) {
    Dict dict = new Dict();
    for (Expression.Pair pair : expression.pairs()) {
      Object key = evaluate(pair.key(), scope);
      dict.put(key, evaluate(pair.value(), scope), budget);
    }
    return dict;
  }

  private Object choose(Expression.Conditional choice, Scope scope) {
    if (isTrue(choice.test(), scope)) {
      return evaluate(choice.then(), scope);
    }
    return choice.otherwise().isPresent()
        ? evaluate(choice.otherwise().get(), scope)
        : new Undefined("this 'if' is false and has no 'else'");
  }

  private String concatenated(Expression.Concatenation parts, Scope scope) {
    StringBuilder text = new StringBuilder();
    for (Object value : all(parts.parts(), scope)) {
      String part = Text.of(value, budget);
      budget.characters(part.length());
      text.append(part);
    }
    return text.toString();
  }

  private Object compare(Expression.Comparison comparison, Scope scope) {
    Object left = evaluate(comparison.first(), scope);
    for (Step step : comparison.steps()) {
      Object right = evaluate(step.right(), scope);
      if (!holds(step.operator(), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private boolean holds(String operator, Object left, Object right) {
    return switch (operator) {
      case "in" -> Equality.contains(right, left, budget);
      case "not in" -> !Equality.contains(right, left, budget);
      default -> tests.compares(operator, left, right);
    };
  }

  private Object slice(Expression.Slice slice, Scope scope) {
    Object target = evaluate(slice.target(), scope);
    Object start = end(slice.start(), scope);
    Object stop = end(slice.stop(), scope);
    return Sequences.slice(target, start, stop, end(slice.step(), scope), budget);
  }

  private Object end(Optional<Expression> end, Scope scope) {
    return end.isPresent() ? evaluate(end.get(), scope) : None.NONE;
  }

  /** {@return what a call gives, which may be handed a {@code caller}} */
  Object call(Expression.Call call, Optional<Macro> caller, Scope scope) {
    Object callee = evaluate(call.callee(), scope);
    Arguments arguments = arguments(call.arguments(), scope);
    if (caller.isPresent()) {
      Map<String, Object> named = arguments.namedCopy();
      named.put("caller", caller.get());
      arguments = new Arguments(arguments.positional(), named);
    }
    return called(callee, arguments);
  }

  private Object called(Object callee, Arguments arguments) {
    budget.enter();
    Object result =
        switch (callee) {
          case Function function -> function.call(arguments);
          case Loop loop -> loop.call(arguments);
          case Undefined undefined -> throw undefined.fault();
          default ->
              throw new Fault(
                  "a value of type '%s' cannot be called".formatted(Types.name(callee)));
        };
    budget.leave();
    return result;
  }

  private Arguments arguments(CallArguments written, Scope scope) {
    List<Object> positional = all(written.positional(), scope);
    Map<String, Object> named = new LinkedHashMap<>();
    for (Expression.Named argument : written.named()) {
      named.put(argument.name(), evaluate(argument.value(), scope));
    }
    if (written.rest().isPresent()) {
      positional.addAll(Sequences.list(evaluate(written.rest().get(), scope), budget));
    }
    if (written.namedRest().isPresent()) {
      addAll(named, evaluate(written.namedRest().get(), scope));
    }
    return new Arguments(positional, named);
  }

  private static void addAll(Map<String, Object> named, Object more) {
    if (!(more instanceof Dict dict)) {
      throw new Fault("what stands behind ** must be a dict, not " + Types.name(more));
    }
    for (Iterator<Map.Entry<Object, Object>> i = dict.entries().iterator(); i.hasNext(); ) {
      Map.Entry<Object, Object> entry = i.next();
      String name = Types.text(entry.getKey());
      if (name == null || named.put(name, entry.getValue()) != null) {
        throw new Fault("a named argument is given twice or has no name");
      }
    }
  }
}
