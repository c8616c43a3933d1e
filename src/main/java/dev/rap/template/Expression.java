package dev.rap.template;

import java.util.List;
import java.util.Optional;

/** A part of a template that has a value. Each knows where it begins in the source. */
sealed interface Expression {
  int at();

  record Constant(int at, Object value) implements Expression {}

  record Name(int at, String name) implements Expression {}

  record TupleOf(int at, List<Expression> items) implements Expression {}

  record ListOf(int at, List<Expression> items) implements Expression {}

  record DictOf(int at, List<Pair> pairs) implements Expression {}

  record Pair(Expression key, Expression value) {}

  record Conditional(int at, Expression test, Expression then, Optional<Expression> otherwise)
      implements Expression {}

  record And(int at, Expression left, Expression right) implements Expression {}

  record Or(int at, Expression left, Expression right) implements Expression {}

  record Not(int at, Expression operand) implements Expression {}

  record Signed(int at, boolean negative, Expression operand) implements Expression {}

  record Binary(int at, Arithmetic.Operator operator, Expression left, Expression right)
      implements Expression {}

  /** Strings next to each other. */
  record Concatenation(int at, List<Expression> parts) implements Expression {}

  /** {@code a < b <= c}: true if each pair is in order. */
  record Comparison(int at, Expression first, List<Step> steps) implements Expression {}

  /** An operator and what stands behind it: {@code == != < <= > >= in}, {@code not in}. */
  record Step(String operator, Expression right) {}

  record Attribute(int at, Expression target, String name) implements Expression {}

  record Item(int at, Expression target, Expression index) implements Expression {}

  record Slice(
      int at,
      Expression target,
      Optional<Expression> start,
      Optional<Expression> stop,
      Optional<Expression> step)
      implements Expression {}

  record Call(int at, Expression callee, CallArguments arguments) implements Expression {}

  record Filter(int at, Expression target, String name, CallArguments arguments)
      implements Expression {}

  record Test(int at, Expression target, String name, CallArguments arguments)
      implements Expression {}

  /** What is written in the parentheses of a call. */
  record CallArguments(
      List<Expression> positional,
      List<Named> named,
      Optional<Expression> rest,
      Optional<Expression> namedRest) {
    static final CallArguments NONE =
        new CallArguments(List.of(), List.of(), Optional.empty(), Optional.empty());
  }

  record Named(String name, Expression value) {}
}
