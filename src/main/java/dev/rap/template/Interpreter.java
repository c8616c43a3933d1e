package dev.rap.template;

import dev.rap.template.Statement.Branch;
import dev.rap.template.Statement.Target;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/** Carries statements out. Of one rendering. */
final class Interpreter {
  private enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  private final Budget budget;
  private final Evaluator evaluator;

  Interpreter(Source source, Budget budget) {
    this.budget = budget;
    this.evaluator = new Evaluator(source, budget);
  }

  Evaluator evaluator() {
    return evaluator;
  }

  Budget budget() {
    return budget;
  }

  /** {@return what {@code body} writes} */
  String captured(List<Statement> body, Scope scope) {
    StringBuilder out = new StringBuilder();
    run(body, scope, out);
    return out.toString();
  }

  private Flow run(List<Statement> body, Scope scope, StringBuilder out) {
    budget.enter();
    Flow flow = Flow.NEXT;
    for (int i = 0; i < body.size() && flow == Flow.NEXT; i++) {
      flow = run(body.get(i), scope, out);
    }
    budget.leave();
    return flow;
  }

  private Flow run(Statement statement, Scope scope, StringBuilder out) {
    return switch (statement) {
      case Statement.Data data -> write(0, data.text(), out);
      case Statement.Print print -> write(print.at(), text(print, scope), out);
      case Statement.If choice -> choose(choice, scope, out);
      case Statement.For loop -> loop(loop, scope, out);
      case Statement.Set set -> {
        assign(set.at(), set.target(), evaluator.evaluate(set.value(), scope), scope);
        yield Flow.NEXT;
      }
      case Statement.SetBlock set -> setBlock(set, scope);
      case Statement.With with -> with(with, scope, out);
      case Statement.MacroDefinition macro -> {
        scope.set(macro.code().name(), new Macro(macro.code(), scope, this));
        yield Flow.NEXT;
      }
      case Statement.CallBlock block -> {
        Macro caller = new Macro(block.caller(), scope, this);
        int at = block.call().at();
        Object result =
            evaluator.guarded(at, () -> evaluator.call(block.call(), Optional.of(caller), scope));
        yield writeText(at, result, out);
      }
      case Statement.FilterBlock block -> filterBlock(block, scope, out);
      case Statement.Generation generation -> run(generation.body(), new Scope(scope), out);
      case Statement.Break end -> Flow.BREAK;
      case Statement.Continue next -> Flow.CONTINUE;
    };
  }

  private Flow write(int at, String text, StringBuilder out) {
    evaluator.guarded(
        at,
        () -> {
          budget.step();
          budget.characters(text.length());
          return text;
        });
    out.append(text);
    return Flow.NEXT;
  }

  // What a block gives must be a string already: jinja2 makes none of it.
  private Flow writeText(int at, Object value, StringBuilder out) {
    return write(at, (String) evaluator.guarded(at, () -> Parameters.textOf(value)), out);
  }

  private String text(Statement.Print print, Scope scope) {
    return text(print.at(), evaluator.evaluate(print.value(), scope));
  }

  private String text(int at, Object value) {
    return (String) evaluator.guarded(at, () -> Text.of(value, budget));
  }

  private Flow choose(Statement.If choice, Scope scope, StringBuilder out) {
    for (Branch branch : choice.branches()) {
      if (evaluator.isTrue(branch.test(), scope)) {
        return run(branch.body(), scope, out);
      }
    }
    return run(choice.otherwise(), scope, out);
  }

  private Flow loop(Statement.For loop, Scope scope, StringBuilder out) {
    Object items = evaluator.evaluate(loop.items(), scope);
    return loop(loop, items, 0, scope, out);
  }

  private Flow loop(Statement.For loop, Object items, int depth, Scope scope, StringBuilder out) {
    Optional<Function> recursion =
        loop.recursive()
            ? Optional.of(arguments -> recursed(loop, arguments, depth + 1, scope))
            : Optional.empty();
    Loop variable =
        (Loop)
            evaluator.guarded(
                loop.at(),
                () -> {
                  Object chosen = loop.test().isEmpty() ? items : filtered(loop, items, scope);
                  int length = chosen instanceof Lazy ? -1 : Sequences.lengthOrLess(chosen);
                  return new Loop(chosen, length, depth, recursion, budget);
                });
    boolean ended = false; // a body was not left early: only then there is no 'else' in jinja2
    Flow flow = Flow.NEXT;
    while (flow != Flow.BREAK && (Boolean) evaluator.guarded(loop.at(), variable::advance)) {
      Scope inner = new Scope(scope);
      inner.set("loop", variable);
      assign(loop.at(), loop.target(), variable.current(), inner);
      flow = run(loop.body(), inner, out);
      ended |= flow == Flow.NEXT;
    }
    return ended ? Flow.NEXT : run(loop.otherwise(), new Scope(scope), out);
  }

  private String recursed(Statement.For loop, Arguments arguments, int depth, Scope scope) {
    Object items = arguments.positionalOnly("loop", 1, 1).getFirst();
    StringBuilder out = new StringBuilder();
    loop(loop, items, depth, scope, out);
    return out.toString();
  }

  // Items are tried as they are asked for: a test may look at what the loop has set.
  private Lazy filtered(Statement.For loop, Object items, Scope scope) {
    Iterator<Object> all = Sequences.iterate(items);
    return Lazy.generator(
        () -> {
          while (all.hasNext()) {
            Scope inner = new Scope(scope);
            assign(loop.at(), loop.target(), all.next(), inner);
            if (evaluator.isTrue(loop.test().orElseThrow(), inner)) {
              return assigned(loop.target(), inner);
            }
          }
          return null;
        },
        budget);
  }

  private Object assigned(Target target, Scope scope) {
    return switch (target) {
      case Target.Variable variable -> scope.get(variable.name());
      case Target.Attribute attribute -> throw new IllegalStateException("no target of a loop");
      case Target.Several several ->
          Tuple.of(several.targets().stream().map(one -> assigned(one, scope)).toList());
    };
  }

  private void assign(int at, Target target, Object value, Scope scope) {
    switch (target) {
      case Target.Variable variable -> scope.set(variable.name(), value);
      case Target.Attribute attribute ->
          evaluator.guarded(attribute.at(), () -> setAttribute(attribute, value, scope));
      case Target.Several several -> {
        List<Object> parts = new ArrayList<>();
        evaluator.guarded(at, () -> parts.addAll(unpacked(value, several.targets().size())));
        for (int i = 0; i < parts.size(); i++) {
          assign(at, several.targets().get(i), parts.get(i), scope);
        }
      }
    }
  }

  private Object setAttribute(Target.Attribute attribute, Object value, Scope scope) {
    if (!(scope.get(attribute.namespace()) instanceof Namespace namespace)) {
      throw new Fault("'%s' is no namespace".formatted(attribute.namespace()));
    }
    namespace.set(attribute.name(), value, budget);
    return value;
  }

  private List<Object> unpacked(Object value, int count) {
    List<Object> parts = new ArrayList<>();
    for (Iterator<Object> i = Sequences.iterate(value); i.hasNext(); ) {
      if (parts.size() == count) {
        throw new Fault("there are more than %d values to assign".formatted(count));
      }
      parts.add(i.next());
    }
    if (parts.size() < count) {
      throw new Fault("there are %d values to assign to %d names".formatted(parts.size(), count));
    }
    return parts;
  }

  private Flow setBlock(Statement.SetBlock set, Scope scope) {
    Scope inner = new Scope(scope);
    StringBuilder written = new StringBuilder();
    Flow flow = run(set.body(), inner, written);
    if (flow != Flow.NEXT) {
      return flow;
    }
    inner.set(Parser.CAPTURED, written.toString());
    Object value =
        set.filter().isPresent()
            ? evaluator.evaluate(set.filter().get(), inner)
            : written.toString();
    assign(set.at(), set.target(), value, scope);
    return Flow.NEXT;
  }

  private Flow with(Statement.With with, Scope scope, StringBuilder out) {
    Scope inner = new Scope(scope);
    for (int i = 0; i < with.targets().size(); i++) {
      Object value = evaluator.evaluate(with.values().get(i), scope);
      assign(with.at(), with.targets().get(i), value, inner);
    }
    return run(with.body(), inner, out);
  }

  private Flow filterBlock(Statement.FilterBlock block, Scope scope, StringBuilder out) {
    Scope inner = new Scope(scope);
    StringBuilder written = new StringBuilder();
    Flow flow = run(block.body(), inner, written);
    if (flow != Flow.NEXT) {
      return flow;
    }
    inner.set(Parser.CAPTURED, written.toString());
    return writeText(block.at(), evaluator.evaluate(block.filter(), inner), out);
  }
}
