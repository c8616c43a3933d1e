package dev.rap.template;

/**
 * A tag that begins or ends a raw block, if there is one.
 *
 * @param end where the text goes on, or -1
 */
record RawTag(int end) {
  RawTag(String text, int start, String name) {
    this(endOf(text, start, name));
  }

  private static int endOf(String text, int start, String name) {
    int at = start + 2;
    if (at < text.length() && (text.charAt(at) == '-' || text.charAt(at) == '+')) {
      at++;
    }
    at = TagEnd.spacesEnd(text, at);
    if (!text.startsWith(name, at)) {
      return -1;
    }
    at = TagEnd.spacesEnd(text, at + name.length());
    boolean ends = name.equals("endraw");
    if (text.startsWith("-%}", at)) {
      return TagEnd.behind(text, at + 3, '-', ends);
    }
    if (ends && text.startsWith("+%}", at)) {
      return at + 3;
    }
    return text.startsWith("%}", at) ? TagEnd.behind(text, at + 2, ' ', ends) : -1;
  }
}
