package dev.rap.template;

/** What a tag takes with it of the text behind it. */
final class TagEnd {
  private TagEnd() {}

  /**
   * {@return where the text goes on}
   *
   * @param at behind the tag
   * @param sign the tag's, a space if it has none
   * @param trims whether a line break goes
   */
  static int behind(String text, int at, char sign, boolean trims) {
    if (sign == '-') {
      return spacesEnd(text, at);
    }
    return trims && sign == ' ' && at < text.length() && text.charAt(at) == '\n' ? at + 1 : at;
  }

  static int spacesEnd(String text, int at) {
    int end = at;
    while (end < text.length() && CodePoints.isSpace(text.charAt(end))) {
      end++;
    }
    return end;
  }
}
