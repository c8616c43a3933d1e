package dev.rap.template;

import dev.rap.template.Expression.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Parses expressions. From the weakest to the strongest: {@code if}, {@code or}, {@code and},
 * {@code not}, comparisons, {@code + -}, {@code ~}, {@code * / // %}, {@code **}, signs, then
 * filters and tests.
 */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Map<String, Arithmetic.Operator> SUMS =
      Map.of("+", Arithmetic.Operator.ADD, "-", Arithmetic.Operator.SUBTRACT);
  private static final Map<String, Arithmetic.Operator> PRODUCTS =
      Map.of(
          "*", Arithmetic.Operator.MULTIPLY,
          "/", Arithmetic.Operator.DIVIDE,
          "//", Arithmetic.Operator.FLOOR_DIVIDE,
          "%", Arithmetic.Operator.REMAINDER);
  private static final Map<String, Arithmetic.Operator> POWERS =
      Map.of("**", Arithmetic.Operator.POWER);

  private final TokenCursor cursor;
  private final Names names;
  private final PrimaryParser primaries;

  ExpressionParser(TokenCursor cursor, Names names) {
    this.cursor = cursor;
    this.names = names;
    this.primaries = new PrimaryParser(cursor, names, this);
  }

  PrimaryParser primaries() {
    return primaries;
  }

  /** {@return an expression} */
  Expression expression() {
    return expression(true);
  }

  private Expression expression(boolean conditional) {
    cursor.enter();
    Expression expression = conditional ? conditional() : or();
    cursor.leave();
    return expression;
  }

  /**
   * {@return an expression, or a tuple if there are commas}
   *
   * @param conditional whether {@code if} may stand in it outside of parentheses
   * @param end a name that ends it, "" for none
   */
  Expression tuple(boolean conditional, String end) {
    return tuple(conditional, end, false);
  }

  /** {@return what stands in parentheses, which may be nothing} */
  Expression parenthesized() {
    return tuple(true, "", true);
  }

  private Expression tuple(boolean conditional, String end, boolean mayBeEmpty) {
    int at = cursor.current().at();
    List<Expression> items = new ArrayList<>();
    boolean commas = false;
    while (!tupleEnds(end)) {
      items.add(expression(conditional));
      if (!cursor.skipOperator(",")) {
        break;
      }
      commas = true;
    }
    if (!commas && !items.isEmpty()) {
      return items.getFirst();
    }
    if (!commas && !mayBeEmpty) {
      throw cursor.unexpected("an expression");
    }
    return new Expression.TupleOf(at, items);
  }

  boolean tupleEnds(String end) {
    return cursor.at(Token.Kind.PRINT_END)
        || cursor.at(Token.Kind.TAG_END)
        || cursor.atOperator(")")
        || (!end.isEmpty() && cursor.atName(end));
  }

  private Expression conditional() {
    int unknowns = names.unknowns();
    int at = cursor.current().at();
    Expression value = or();
    while (cursor.skipName("if")) {
      cursor.enter();
      Expression test = or();
      Optional<Expression> otherwise =
          cursor.skipName("else") ? Optional.of(conditional()) : Optional.empty();
      cursor.leave();
      names.forgive(unknowns);
      value = new Expression.Conditional(at, test, value, otherwise);
    }
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (cursor.atName("or")) {
      int at = cursor.next().at();
      left = new Expression.Or(at, left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (cursor.atName("and")) {
      int at = cursor.next().at();
      left = new Expression.And(at, left, not());
    }
    return left;
  }

  private Expression not() {
    if (!cursor.atName("not")) {
      return comparison();
    }
    int at = cursor.next().at();
    cursor.enter();
    Expression operand = not();
    cursor.leave();
    return new Expression.Not(at, operand);
  }

  private Expression comparison() {
    int at = cursor.current().at();
    Expression first = sum();
    List<Step> steps = new ArrayList<>();
    for (Optional<String> operator = comparator(); operator.isPresent(); operator = comparator()) {
      steps.add(new Step(operator.get(), sum()));
    }
    return steps.isEmpty() ? first : new Expression.Comparison(at, first, steps);
  }

  private Optional<String> comparator() {
    if (cursor.at(Token.Kind.OPERATOR) && COMPARISONS.contains(cursor.current().value())) {
      return Optional.of((String) cursor.next().value());
    }
    if (cursor.skipName("in")) {
      return Optional.of("in");
    }
    if (cursor.atName("not") && cursor.following().isName("in")) {
      cursor.next();
      cursor.next();
      return Optional.of("not in");
    }
    return Optional.empty();
  }

  private Optional<Arithmetic.Operator> operator(Map<String, Arithmetic.Operator> operators) {
    return cursor.at(Token.Kind.OPERATOR)
        ? Optional.ofNullable(operators.get((String) cursor.current().value()))
        : Optional.empty();
  }

  private Expression sum() {
    Expression left = concatenation();
    for (var operator = operator(SUMS); operator.isPresent(); operator = operator(SUMS)) {
      int at = cursor.next().at();
      left = new Expression.Binary(at, operator.get(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    int at = cursor.current().at();
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (cursor.skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.getFirst() : new Expression.Concatenation(at, parts);
  }

  private Expression product() {
    Expression left = power();
    for (var operator = operator(PRODUCTS); operator.isPresent(); operator = operator(PRODUCTS)) {
      int at = cursor.next().at();
      left = new Expression.Binary(at, operator.get(), left, power());
    }
    return left;
  }

  // From left to right, unlike Python.
  private Expression power() {
    Expression left = unary(true);
    for (var operator = operator(POWERS); operator.isPresent(); operator = operator(POWERS)) {
      int at = cursor.next().at();
      left = new Expression.Binary(at, operator.get(), left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean filters) {
    Expression value;
    if (cursor.atOperator("-") || cursor.atOperator("+")) {
      Token sign = cursor.next();
      cursor.enter();
      value = new Expression.Signed(sign.at(), sign.isOperator("-"), unary(false));
      cursor.leave();
    } else {
      value = primaries.primary();
    }
    value = primaries.postfix(value);
    return filters ? primaries.filters(value) : value;
  }
}
