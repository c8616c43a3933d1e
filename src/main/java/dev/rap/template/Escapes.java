package dev.rap.template;

/**
 * What a string literal stands for. As in jinja2, characters beyond ASCII become escapes first, so
 * a backslash before one of them is a backslash.
 *
 * @see <a href="https://docs.python.org/3/reference/lexical_analysis.html#escape-sequences">Python:
 *     escape sequences</a>
 */
final class Escapes {
  private final Source source;
  private final int start;
  private final String text;
  private final StringBuilder out = new StringBuilder();
  private int at;

  Escapes(Source source, int start, int end) {
    this.source = source;
    this.start = start;
    this.text = source.text().substring(start, end);
  }

  /**
   * {@return the string}
   *
   * @throws TemplateException if an escape is cut short or names no character
   */
  String unescaped() {
    while (at < text.length()) {
      int c = text.codePointAt(at);
      at += Character.charCount(c);
      if (c == '\\' && at < text.length()) {
        escape();
      } else {
        out.appendCodePoint(c);
      }
    }
    return out.toString();
  }

  private void escape() {
    int c = text.codePointAt(at);
    at += Character.charCount(c);
    switch (c) {
      case '\n' -> {}
      case '\\', '\'', '"' -> out.append((char) c);
      case 'a' -> out.append('\u0007');
      case 'b' -> out.append('\b');
      case 'f' -> out.append('\f');
      case 'n' -> out.append('\n');
      case 'r' -> out.append('\r');
      case 't' -> out.append('\t');
      case 'v' -> out.append('\u000B');
      case 'x' -> hex(2);
      case 'u' -> hex(4);
      case 'U' -> hex(8);
      case 'N' -> named();
      case '0', '1', '2', '3', '4', '5', '6', '7' -> octal();
      default -> {
        if (c < 0x80) {
          out.append('\\').append((char) c);
        } else {
          out.append(Text.numbered(c));
        }
      }
    }
  }

  private void hex(int digits) {
    int end = at + digits;
    int value = -1;
    if (end <= text.length() && text.substring(at, end).matches("[0-9a-fA-F]+")) {
      value = Integer.parseUnsignedInt(text.substring(at, end), 16);
    }
    if (!Character.isValidCodePoint(value)) {
      throw bad("needs %d hexadecimal digits of a character".formatted(digits));
    }
    out.appendCodePoint(value);
    at = end;
  }

  private void octal() {
    int end = at;
    while (end < text.length()
        && end < at + 2
        && text.charAt(end) >= '0'
        && text.charAt(end) <= '7') {
      end++;
    }
    out.appendCodePoint(Integer.parseInt(text.substring(at - 1, end), 8));
    at = end;
  }

  private void named() {
    int end = text.indexOf('}', at);
    if (end < 0 || !text.startsWith("{", at)) {
      throw bad("needs the name of a character in braces");
    }
    try {
      out.appendCodePoint(Character.codePointOf(text.substring(at + 1, end)));
    } catch (IllegalArgumentException e) {
      throw bad("names no character");
    }
    at = end + 1;
  }

  private TemplateException bad(String why) {
    return source.error("this escape " + why, start + at - 2);
  }
}
