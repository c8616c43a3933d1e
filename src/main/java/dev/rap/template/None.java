package dev.rap.template;

/** The value that stands for no value: {@code none}, {@code null} in JSON. */
enum None {
  NONE
}
