package dev.rap.template;

import java.util.List;
import java.util.Optional;

/** A part of a template that does something, most of them by being written as a tag. */
sealed interface Statement {

  record Data(String text) implements Statement {}

  record Print(int at, Expression value) implements Statement {}

  record If(List<Branch> branches, List<Statement> otherwise) implements Statement {}

  record Branch(Expression test, List<Statement> body) {}

  record For(
      int at,
      Target target,
      Expression items,
      Optional<Expression> test,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise)
      implements Statement {}

  record Set(int at, Target target, Expression value) implements Statement {}

  record SetBlock(int at, Target target, Optional<Expression> filter, List<Statement> body)
      implements Statement {}

  record With(int at, List<Target> targets, List<Expression> values, List<Statement> body)
      implements Statement {}

  record MacroDefinition(int at, MacroCode code) implements Statement {}

  record CallBlock(int at, MacroCode caller, Expression.Call call) implements Statement {}

  record FilterBlock(int at, Expression filter, List<Statement> body) implements Statement {}

  /** What an assistant said; marks it for training, and is a scope of its own. */
  record Generation(List<Statement> body) implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}

  /**
   * The inside of a macro.
   *
   * @param defaults of the last parameters
   * @param special those of {@code caller}, {@code kwargs} and {@code varargs} that it takes
   *     undeclared
   */
  record MacroCode(
      String name,
      List<String> parameters,
      List<Expression> defaults,
      java.util.Set<String> special,
      List<Statement> body) {}

  /** What a value is assigned to. */
  sealed interface Target {
    record Variable(String name) implements Target {}

    record Attribute(int at, String namespace, String name) implements Target {}

    record Several(List<Target> targets) implements Target {}
  }
}
