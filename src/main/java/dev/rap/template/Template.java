package dev.rap.template;

import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;

/**
 * A chat template, ready to be rendered, as often as wanted and by any number of threads.
 *
 * <p>Variables are what JSON knows: null, booleans, numbers, strings, lists and maps, in Java's
 * types or Jackson's. They are copied, so that a template sees nothing change.
 */
public final class Template {
  private final Source source;
  private final List<Statement> statements;

  private Template(Source source) {
    this.source = source;
    this.statements = Parser.parse(source);
  }

  /**
   * {@return the template that {@code source} is}
   *
   * @throws TemplateException if it is none
   */
  public static Template of(String source) {
    return new Template(Source.of(source));
  }

  /**
   * {@return the text, with the usual limits and clock}
   *
   * @throws TemplateException if the template does something wrong, or raises it
   */
  public String render(Map<String, ?> variables) {
    return render(variables, Limits.DEFAULT, Clock.system(ZoneId.systemDefault()));
  }

  /**
   * {@return the text}
   *
   * @param clock what {@code strftime_now} reads
   * @throws TemplateException if the template does something wrong, raises it, or asks for more
   *     than the limits give
   */
  public String render(Map<String, ?> variables, Limits limits, Clock clock) {
    Budget budget = new Budget(limits);
    Scope scope = new Scope(null);
    Globals.define(scope, budget, clock);
    try {
      variables.forEach((name, value) -> scope.set(name, Values.of(value, budget)));
    } catch (Fault e) {
      throw source.error("a variable cannot be used: " + e.getMessage(), 0);
    }
    return new Interpreter(source, budget).captured(statements, new Scope(scope));
  }
}
