package dev.rap.template;

import java.util.Iterator;

/**
 * Values that are made when they are asked for, once.
 *
 * @param typeName what Python calls it
 */
record Lazy(String typeName, Iterator<Object> items) {
  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
