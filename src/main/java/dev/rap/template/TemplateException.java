package dev.rap.template;

/**
 * A template cannot be read or rendered. The message begins with line and column, is one line, and
 * not long, whatever the template says.
 */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  static final int LONGEST = 300;
  private static final int LOOKED_AT = 10 * LONGEST; // of a message, whose blanks in a row are one

  private final int line;
  private final int column;

  TemplateException(String message, int line, int column) {
    super(plain("line %d, column %d: %s".formatted(line, column, message)));
    this.line = line;
    this.column = column;
  }

  private static String plain(String message) {
    String line =
        message
            .substring(0, Math.min(message.length(), LOOKED_AT))
            .strip()
            .replaceAll("\\s+", " ")
            .replaceAll("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]", "?");
    return line.length() > LONGEST ? line.substring(0, LONGEST) + "…" : line;
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
