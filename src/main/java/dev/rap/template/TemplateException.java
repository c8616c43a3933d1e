package dev.rap.template;

/** A template cannot be read or rendered. The message begins with line and column. */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int line;
  private final int column;

  TemplateException(String message, int line, int column) {
    super("line %d, column %d: %s".formatted(line, column, message));
    this.line = line;
    this.column = column;
  }

  /** {@return the line of the template, from 1} */
  public int line() {
    return line;
  }

  /** {@return the column in characters, from 1} */
  public int column() {
    return column;
  }
}
