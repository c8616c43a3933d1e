package dev.rap.template;

/** Something that can be called. */
@FunctionalInterface
interface Function {
  Object call(Arguments arguments);
}
