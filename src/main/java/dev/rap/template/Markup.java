package dev.rap.template;

/** A string that is safe in HTML: what is joined to it is escaped first. */
record Markup(String text) {
  static String escape(Object value, Budget budget) {
    if (value instanceof Markup markup) {
      return markup.text();
    }
    String text = Text.of(value, budget);
    budget.characters(text.length());
    return text.replace("&", "&amp;")
        .replace(">", "&gt;")
        .replace("<", "&lt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }
}
