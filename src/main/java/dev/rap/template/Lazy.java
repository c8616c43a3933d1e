package dev.rap.template;

import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Supplier;

/**
 * Values that are made when they are asked for, once.
 *
 * @param typeName what Python calls it
 */
record Lazy(String typeName, Iterator<Object> items) {
  static Lazy empty() {
    return over(Collections.emptyIterator());
  }

  static Lazy over(Iterator<Object> items) {
    return new Lazy("generator", items);
  }

  /**
   * {@return values as {@code nextOrNull} gives them, until it gives null}
   *
   * @param budget counts them, and how deep one asks another
   */
  static Lazy generator(Supplier<Object> nextOrNull, Budget budget) {
    return over(
        new Iterator<>() {
          private Object next;

          @Override
          public boolean hasNext() {
            if (next == null) {
              budget.step();
              budget.enter();
              next = nextOrNull.get();
              budget.leave();
            }
            return next != null;
          }

          @Override
          public Object next() {
            if (!hasNext()) {
              throw new NoSuchElementException();
            }
            Object value = next;
            next = null;
            return value;
          }
        });
  }

  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
