package dev.rap.template;

/**
 * The text of a template, with line breaks as {@code \n} and without the one at its end.
 *
 * @param text what positions count in, in chars
 */
record Source(String text) {
  static final int MOST_CHARS = 4 << 20;

  static Source of(String text) {
    if (text.length() > MOST_CHARS) {
      throw new TemplateException(
          "the template has %d characters, expected at most %d"
              .formatted(text.length(), MOST_CHARS),
          1,
          1);
    }
    String lines = withPlainBreaks(text);
    return new Source(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines);
  }

  static String withPlainBreaks(String text) {
    return text.replace("\r\n", "\n").replace('\r', '\n');
  }

  /** {@return the exception for what was found at {@code at}} */
  TemplateException error(String message, int at) {
    int line = 1;
    int start = 0;
    for (int i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) {
      line++;
      start = i + 1;
    }
    int column = text.codePointCount(start, Math.min(at, text.length())) + 1;
    return new TemplateException(message, line, column);
  }
}
