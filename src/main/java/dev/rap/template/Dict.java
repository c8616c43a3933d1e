package dev.rap.template;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Map.Entry;

/** Keys and values in the order in which the keys came. Is filled where it is made, and no more. */
final class Dict {
  private final Map<Object, Entry<Object, Object>> entries = new LinkedHashMap<>();

  /** Puts a value; a key that is there stays as it is written. */
  void put(Object key, Object value, Budget budget) {
    entries.compute(
        Keys.of(key, budget), (k, old) -> Map.entry(old == null ? key : old.getKey(), value));
  }

  /** {@return the value, or null} */
  Object get(Object key, Budget budget) {
    Entry<Object, Object> entry = entries.get(Keys.of(key, budget));
    return entry == null ? null : entry.getValue();
  }

  int size() {
    return entries.size();
  }

  Collection<Entry<Object, Object>> entries() {
    return entries.values();
  }
}
