package dev.rap.template;

import dev.rap.template.Statement.Branch;
import dev.rap.template.Statement.MacroCode;
import dev.rap.template.Statement.Target;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Parses a template: text, what is printed, and tags. */
final class Parser {
  /** Under this name a filter block finds what it filters. No template can write it. */
  static final String CAPTURED = "filter block";

  private static final Set<String> SPECIAL = Set.of("caller", "kwargs", "varargs");

  private final TokenCursor cursor;
  private final Names names = new Names();
  private final ExpressionParser expressions;
  private int loops; // that a break could leave

  private Parser(Source source) {
    this.cursor = new TokenCursor(source);
    this.expressions = new ExpressionParser(cursor, names);
  }

  /**
   * {@return the statements of a template}
   *
   * @throws TemplateException if it is none
   */
  static List<Statement> parse(Source source) {
    Parser parser = new Parser(source);
    List<Statement> statements = parser.body(Set.of());
    parser.names.requireKnown(0, parser.cursor);
    return statements;
  }

  // Up to a tag that begins with one of the names, which is current then.
  private List<Statement> body(Set<String> ends) {
    cursor.enter();
    int start = cursor.current().at();
    List<Statement> statements = new ArrayList<>();
    while (!cursor.at(Token.Kind.END)) {
      Token token = cursor.next();
      switch (token.kind()) {
        case DATA -> statements.add(new Statement.Data((String) token.value()));
        case PRINT_START -> statements.add(print());
        default -> {
          if (cursor.at(Token.Kind.NAME) && ends.contains(cursor.current().value())) {
            cursor.leave();
            return statements;
          }
          statements.add(tag());
          endTag();
        }
      }
    }
    if (!ends.isEmpty()) {
      throw cursor.error(
          "the template ends, but the tag that ends before here needs one of %s"
              .formatted(ends.stream().sorted().toList()),
          start);
    }
    cursor.leave();
    return statements;
  }

  private Statement print() {
    int at = cursor.current().at();
    Expression value = expressions.tuple(true, "");
    cursor.expect(Token.Kind.PRINT_END, "'}}'");
    return new Statement.Print(at, value);
  }

  private void endTag() {
    cursor.expect(Token.Kind.TAG_END, "'%}'");
  }

  // What stands between a tag and its end; the name of the end is read.
  private List<Statement> block(String end) {
    return blockUpTo(Set.of(end));
  }

  private List<Statement> blockUpTo(Set<String> ends) {
    cursor.skipOperator(":");
    endTag();
    return body(ends);
  }

  private List<Statement> closed(String end) {
    List<Statement> body = block(end);
    cursor.next();
    return body;
  }

  private Statement tag() {
    Token name = cursor.expect(Token.Kind.NAME, "the name of a tag");
    int at = name.at();
    return switch ((String) name.value()) {
      case "if" -> conditional();
      case "for" -> loop(at);
      case "set" -> set(at);
      case "with" -> with(at);
      case "macro" -> macro(at);
      case "call" -> callBlock(at);
      case "filter" -> filterBlock(at);
      case "generation" -> new Statement.Generation(detached(() -> closed("endgeneration")));
      case "print" -> printTag(at);
      case "break" -> leaving(at, new Statement.Break());
      case "continue" -> leaving(at, new Statement.Continue());
      default ->
          throw cursor.error(
              "there is no tag '%s' here; known are if, for, set, with, macro, call, filter, generation, print, raw, break and continue"
                  .formatted(name.value()),
              at);
    };
  }

  private Statement leaving(int at, Statement statement) {
    if (loops == 0) {
      throw cursor.error("this stands in no loop that it could leave", at);
    }
    return statement;
  }

  private Statement conditional() {
    int unknowns = names.unknowns();
    List<Branch> branches = new ArrayList<>();
    List<Statement> otherwise = List.of();
    Token end;
    do {
      Expression test = expressions.tuple(false, "");
      branches.add(new Branch(test, blockUpTo(Set.of("elif", "else", "endif"))));
      end = cursor.next();
    } while (end.isName("elif"));
    if (end.isName("else")) {
      otherwise = closed("endif");
    }
    names.forgive(unknowns);
    return new Statement.If(branches, otherwise);
  }

  private Statement loop(int at) {
    int stores = names.stores();
    Target target = target("in", false);
    cursor.expectName("in");
    Expression items = expressions.tuple(false, "recursive");
    int unknowns = names.unknowns();
    Optional<Expression> test =
        cursor.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
    boolean recursive = cursor.skipName("recursive");
    loops++;
    List<Statement> body = blockUpTo(Set.of("endfor", "else"));
    loops--;
    List<Statement> otherwise = cursor.next().isName("else") ? closed("endfor") : List.of();
    names.requireKnown(unknowns, cursor);
    int loopStored = names.storedSince(stores, "loop");
    if (loopStored >= 0) {
      throw cursor.error("'loop' is the loop's own, nothing can be assigned to it", loopStored);
    }
    return new Statement.For(at, target, items, test, recursive, body, otherwise);
  }

  private Statement set(int at) {
    Target target = target("", true);
    if (cursor.skipOperator("=")) {
      return new Statement.Set(at, target, expressions.tuple(true, ""));
    }
    int unknowns = names.unknowns();
    Optional<Expression> filter =
        cursor.skipOperator("|")
            ? Optional.of(expressions.primaries().filterChain(new Expression.Name(at, CAPTURED)))
            : Optional.empty();
    List<Statement> body = closed("endset");
    names.requireKnown(unknowns, cursor);
    return new Statement.SetBlock(at, target, filter, body);
  }

  private Statement with(int at) {
    List<Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!cursor.at(Token.Kind.TAG_END)) {
      if (!targets.isEmpty()) {
        cursor.expectOperator(",");
      }
      targets.add(target("", false));
      cursor.expectOperator("=");
      values.add(expressions.expression());
    }
    int unknowns = names.unknowns();
    List<Statement> body = closed("endwith");
    names.requireKnown(unknowns, cursor);
    return new Statement.With(at, targets, values, body);
  }

  // Names with commas between them, in parentheses or not.
  private Target target(String end, boolean namespaces) {
    List<Target> targets = new ArrayList<>();
    boolean commas = false;
    while (!expressions.tupleEnds(end)) {
      targets.add(singleTarget(namespaces));
      if (!cursor.skipOperator(",")) {
        break;
      }
      commas = true;
    }
    if (commas) {
      return new Target.Several(targets);
    }
    if (targets.isEmpty()) {
      throw cursor.unexpected("a name to assign to");
    }
    return targets.getFirst();
  }

  private Target singleTarget(boolean namespaces) {
    if (cursor.skipOperator("(")) {
      cursor.enter();
      Target inside = cursor.atOperator(")") ? new Target.Several(List.of()) : target("", false);
      cursor.leave();
      cursor.expectOperator(")");
      return inside;
    }
    Token name = name();
    if (namespaces && cursor.skipOperator(".")) {
      names.load((String) name.value());
      Token attribute = cursor.expect(Token.Kind.NAME, "the name of an attribute");
      return new Target.Attribute(name.at(), (String) name.value(), (String) attribute.value());
    }
    names.store(name);
    return new Target.Variable((String) name.value());
  }

  private Token name() {
    Token name = cursor.expect(Token.Kind.NAME, "a name to assign to");
    if (Set.of("true", "false", "none", "True", "False", "None").contains(name.value())) {
      throw cursor.error("nothing can be assigned to '%s'".formatted(name.value()), name.at());
    }
    expressions.primaries().requireIdentifier(name);
    return name;
  }

  private Statement macro(int at) {
    String name = (String) name().value();
    if (!cursor.atOperator("(")) {
      throw cursor.unexpected("'('");
    }
    return new Statement.MacroDefinition(at, macroCode(name, "endmacro"));
  }

  private Statement callBlock(int at) {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    if (cursor.atOperator("(")) {
      signature(parameters, defaults);
    }
    int start = cursor.current().at();
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw cursor.error("expected a call", start);
    }
    return new Statement.CallBlock(at, code("caller", parameters, defaults, "endcall"), call);
  }

  private MacroCode macroCode(String name, String end) {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    signature(parameters, defaults);
    return code(name, parameters, defaults, end);
  }

  private MacroCode code(
      String name, List<String> parameters, List<Expression> defaults, String end) {
    int at = cursor.current().at();
    int loads = names.loads();
    int unknowns = names.unknowns();
    List<Statement> body = detached(() -> closed(end));
    names.requireKnown(unknowns, cursor);
    Set<String> special = names.loadedSince(loads, SPECIAL);
    int caller = parameters.indexOf("caller");
    if (caller >= 0 && caller < parameters.size() - defaults.size() && special.contains("caller")) {
      throw cursor.error("the parameter 'caller' needs a default", at);
    }
    special.removeAll(parameters);
    return new MacroCode(name, parameters, defaults, special, body);
  }

  private void signature(List<String> parameters, List<Expression> defaults) {
    Set<Object> seen = new HashSet<>();
    cursor.next();
    while (!cursor.skipOperator(")")) {
      if (!parameters.isEmpty()) {
        cursor.expectOperator(",");
      }
      Token name = name();
      if (!seen.add(name.value())) {
        throw cursor.error("there are two parameters '%s'".formatted(name.value()), name.at());
      }
      if (cursor.skipOperator("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw cursor.error("a parameter without a default follows one with a default", name.at());
      }
      parameters.add((String) name.value());
    }
  }

  // A function of its own, out of which no break leads.
  private List<Statement> detached(java.util.function.Supplier<List<Statement>> body) {
    int outer = loops;
    loops = 0;
    List<Statement> statements = body.get();
    loops = outer;
    return statements;
  }

  private Statement filterBlock(int at) {
    int unknowns = names.unknowns();
    Expression filter = expressions.primaries().filterChain(new Expression.Name(at, CAPTURED));
    List<Statement> body = closed("endfilter");
    names.requireKnown(unknowns, cursor);
    return new Statement.FilterBlock(at, filter, body);
  }

  private Statement printTag(int at) {
    List<Statement> values = new ArrayList<>();
    while (!cursor.at(Token.Kind.TAG_END)) {
      if (!values.isEmpty()) {
        cursor.expectOperator(",");
      }
      values.add(new Statement.Print(at, expressions.expression()));
    }
    return new Statement.If(
        List.of(new Branch(new Expression.Constant(at, true), values)), List.of());
  }
}
