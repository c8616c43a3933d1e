package dev.rap.template;

/** Attributes that can be set anew, from inner blocks too. */
final class Namespace {
  private final Dict attributes = new Dict();

  void set(Object name, Object value, Budget budget) {
    if (name instanceof String text && text.startsWith("_")) {
      throw new Fault("a namespace takes no attribute that begins with an underscore: " + text);
    }
    attributes.put(name, value, budget);
  }

  Dict attributes() {
    return attributes;
  }
}
