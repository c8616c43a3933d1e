package dev.rap.template;

import dev.rap.template.Expression.CallArguments;
import dev.rap.template.Expression.Named;
import dev.rap.template.Expression.Pair;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Parses literals and names, and what may stand behind an expression. */
final class PrimaryParser {
  private final TokenCursor cursor;
  private final Names names;
  private final ExpressionParser expressions;

  PrimaryParser(TokenCursor cursor, Names names, ExpressionParser expressions) {
    this.cursor = cursor;
    this.names = names;
    this.expressions = expressions;
  }

  Expression primary() {
    Token token = cursor.current();
    return switch (token.kind()) {
      case NAME -> {
        cursor.next();
        yield name(token);
      }
      case STRING -> strings();
      case INTEGER, FLOAT -> new Expression.Constant(cursor.next().at(), token.value());
      case OPERATOR -> bracket(token);
      default -> throw cursor.unexpected("an expression");
    };
  }

  private Expression name(Token token) {
    return switch ((String) token.value()) {
      case "true", "True" -> new Expression.Constant(token.at(), true);
      case "false", "False" -> new Expression.Constant(token.at(), false);
      case "none", "None" -> new Expression.Constant(token.at(), None.NONE);
      default -> {
        requireIdentifier(token);
        names.load((String) token.value());
        yield new Expression.Name(token.at(), (String) token.value());
      }
    };
  }

  void requireIdentifier(Token token) {
    String name = (String) token.value();
    int first = name.codePointAt(0);
    boolean starts = first == '_' || Character.isUnicodeIdentifierStart(first);
    if (!starts || !name.codePoints().skip(1).allMatch(Character::isUnicodeIdentifierPart)) {
      throw cursor.error("'%s' is no name".formatted(name), token.at());
    }
  }

  private Expression strings() {
    int at = cursor.current().at();
    StringBuilder text = new StringBuilder();
    while (cursor.at(Token.Kind.STRING)) {
      text.append((String) cursor.next().value());
    }
    return new Expression.Constant(at, text.toString().intern());
  }

  private Expression bracket(Token token) {
    return switch ((String) token.value()) {
      case "(" -> {
        cursor.next();
        cursor.enter();
        Expression inside = expressions.parenthesized();
        cursor.leave();
        cursor.expectOperator(")");
        yield inside;
      }
      case "[" -> {
        cursor.next();
        yield new Expression.ListOf(token.at(), items());
      }
      case "{" -> {
        cursor.next();
        yield new Expression.DictOf(token.at(), pairs());
      }
      default -> throw cursor.unexpected("an expression");
    };
  }

  private List<Expression> items() {
    List<Expression> items = new ArrayList<>();
    while (!cursor.skipOperator("]")) {
      items.add(expressions.expression());
      if (!cursor.atOperator("]")) {
        cursor.expectOperator(",");
      }
    }
    return items;
  }

  private List<Pair> pairs() {
    List<Pair> pairs = new ArrayList<>();
    while (!cursor.skipOperator("}")) {
      Expression key = expressions.expression();
      cursor.expectOperator(":");
      pairs.add(new Pair(key, expressions.expression()));
      if (!cursor.atOperator("}")) {
        cursor.expectOperator(",");
      }
    }
    return pairs;
  }

  /** {@return {@code target} with the attributes, subscripts and calls that follow} */
  Expression postfix(Expression target) {
    Expression value = target;
    while (true) {
      if (cursor.atOperator(".")) {
        value = attribute(value);
      } else if (cursor.atOperator("[")) {
        value = subscript(value);
      } else if (cursor.atOperator("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  private Expression attribute(Expression target) {
    int at = cursor.next().at();
    if (cursor.at(Token.Kind.INTEGER)) {
      Token index = cursor.next();
      return new Expression.Item(at, target, new Expression.Constant(index.at(), index.value()));
    }
    Token name = cursor.expect(Token.Kind.NAME, "a name or a number");
    requireIdentifier(name);
    return new Expression.Attribute(at, target, (String) name.value());
  }

  private Expression subscript(Expression target) {
    int at = cursor.next().at();
    Optional<Expression> start = sliceEnd();
    if (cursor.atOperator(":")) {
      return slice(at, target, start);
    }
    List<Expression> indices = new ArrayList<>();
    start.ifPresent(indices::add);
    boolean several = start.isEmpty();
    while (!cursor.skipOperator("]")) {
      several = true;
      cursor.expectOperator(",");
      indices.add(expressions.expression());
    }
    Expression index = several ? new Expression.TupleOf(at, indices) : indices.getFirst();
    return new Expression.Item(at, target, index);
  }

  private Expression slice(int at, Expression target, Optional<Expression> start) {
    cursor.next();
    Optional<Expression> stop = sliceEnd();
    Optional<Expression> step = cursor.skipOperator(":") ? sliceEnd() : Optional.empty();
    cursor.expectOperator("]");
    return new Expression.Slice(at, target, start, stop, step);
  }

  private Optional<Expression> sliceEnd() {
    return cursor.atOperator(":") || cursor.atOperator("]")
        ? Optional.empty()
        : Optional.of(expressions.expression());
  }

  private Expression call(Expression callee) {
    int at = cursor.current().at();
    return new Expression.Call(at, callee, arguments());
  }

  private CallArguments arguments() {
    Token start = cursor.next();
    List<Expression> positional = new ArrayList<>();
    List<Named> named = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    Optional<Expression> rest = Optional.empty();
    Optional<Expression> namedRest = Optional.empty();
    while (!cursor.skipOperator(")")) {
      boolean ordered = namedRest.isEmpty();
      if (cursor.skipOperator("*")) {
        ordered &= rest.isEmpty();
        rest = Optional.of(expressions.expression());
      } else if (cursor.skipOperator("**")) {
        namedRest = Optional.of(expressions.expression());
      } else if (cursor.at(Token.Kind.NAME) && cursor.following().isOperator("=")) {
        Named argument = named();
        ordered &= seen.add(argument.name());
        named.add(argument);
      } else {
        ordered &= rest.isEmpty() && named.isEmpty();
        positional.add(expressions.expression());
      }
      if (!ordered) {
        throw cursor.error("the arguments of this call are out of order", start.at());
      }
      if (!cursor.atOperator(")")) {
        cursor.expectOperator(",");
      }
    }
    return new CallArguments(positional, named, rest, namedRest);
  }

  private Named named() {
    Token name = cursor.next();
    requireIdentifier(name);
    cursor.next();
    return new Named((String) name.value(), expressions.expression());
  }

  /** {@return {@code target} with the filters, tests and calls that follow} */
  Expression filters(Expression target) {
    Expression value = target;
    while (true) {
      if (cursor.skipOperator("|")) {
        value = filter(value);
      } else if (cursor.atName("is")) {
        value = test(value);
      } else if (cursor.atOperator("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  /** {@return a filter, with those that follow it; the bar before it is read} */
  Expression filterChain(Expression target) {
    Expression value = filter(target);
    while (cursor.skipOperator("|")) {
      value = filter(value);
    }
    return value;
  }

  private Expression filter(Expression target) {
    int at = cursor.current().at();
    String name = dottedName("the name of a filter");
    if (!Filters.exist(name)) {
      names.unknown("there is no filter '%s'".formatted(name), at);
    }
    CallArguments arguments = cursor.atOperator("(") ? arguments() : CallArguments.NONE;
    return new Expression.Filter(at, target, name, arguments);
  }

  private String dottedName(String what) {
    StringBuilder name = new StringBuilder((String) cursor.expect(Token.Kind.NAME, what).value());
    while (cursor.skipOperator(".")) {
      name.append('.').append(cursor.expect(Token.Kind.NAME, what).value());
    }
    return name.toString();
  }

  private Expression test(Expression target) {
    int at = cursor.next().at();
    boolean negated = cursor.skipName("not");
    String name = dottedName("the name of a test");
    if (!Tests.exist(name)) {
      names.unknown("there is no test '%s'".formatted(name), at);
    }
    Expression test = new Expression.Test(at, target, name, testArguments());
    return negated ? new Expression.Not(at, test) : test;
  }

  // One argument may stand without parentheses.
  private CallArguments testArguments() {
    if (cursor.atOperator("(")) {
      return arguments();
    }
    boolean literal =
        switch (cursor.current().kind()) {
          case NAME, STRING, INTEGER, FLOAT -> true;
          default -> cursor.atOperator("[") || cursor.atOperator("{");
        };
    if (!literal || cursor.atName("else") || cursor.atName("or") || cursor.atName("and")) {
      return CallArguments.NONE;
    }
    if (cursor.atName("is")) {
      throw cursor.error("tests with 'is' cannot be chained");
    }
    Expression argument = postfix(primary());
    return new CallArguments(List.of(argument), List.of(), Optional.empty(), Optional.empty());
  }
}
