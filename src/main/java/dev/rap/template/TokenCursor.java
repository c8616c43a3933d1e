package dev.rap.template;

import java.util.List;

/** Goes through tokens. */
final class TokenCursor {
  private static final int MOST_DEPTH = 100;

  private final Source source;
  private final List<Token> tokens;
  private int index;
  private int depth;

  TokenCursor(Source source) {
    this.source = source;
    this.tokens = Lexer.tokens(source);
  }

  Token current() {
    return tokens.get(index);
  }

  Token following() {
    return tokens.get(Math.min(index + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = current();
    if (index < tokens.size() - 1) {
      index++;
    }
    return token;
  }

  boolean at(Token.Kind kind) {
    return current().kind() == kind;
  }

  boolean atOperator(String sign) {
    return current().isOperator(sign);
  }

  boolean atName(String name) {
    return current().isName(name);
  }

  boolean skipOperator(String sign) {
    boolean found = atOperator(sign);
    if (found) {
      next();
    }
    return found;
  }

  boolean skipName(String name) {
    boolean found = atName(name);
    if (found) {
      next();
    }
    return found;
  }

  Token expect(Token.Kind kind, String what) {
    if (!at(kind)) {
      throw unexpected(what);
    }
    return next();
  }

  void expectOperator(String sign) {
    if (!skipOperator(sign)) {
      throw unexpected("'" + sign + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  TemplateException unexpected(String expected) {
    return error("expected %s, found %s".formatted(expected, current().described()));
  }

  TemplateException error(String message) {
    return source.error(message, current().at());
  }

  TemplateException error(String message, int at) {
    return source.error(message, at);
  }

  void enter() {
    if (++depth > MOST_DEPTH) {
      throw error("this is nested more than %d levels deep".formatted(MOST_DEPTH));
    }
  }

  void leave() {
    depth--;
  }
}
