package dev.rap.cuda;

import java.util.Arrays;

/**
 * Objects by handle, for the few dozen streams, events and graphs of a device. Finding one makes no
 * garbage.
 */
final class HandleTable<T> {
  private final String kind;
  private long[] handles = new long[8];
  private Object[] objects = new Object[8];
  private int count;

  /**
   * @param kind what they are, such as {@code stream}
   */
  HandleTable(String kind) {
    this.kind = kind;
  }

  void put(long handle, T object) {
    if (count == handles.length) {
      handles = Arrays.copyOf(handles, 2 * count);
      objects = Arrays.copyOf(objects, 2 * count);
    }
    handles[count] = handle;
    objects[count] = object;
    count++;
  }

  /**
   * @throws IllegalStateException if there is none of this handle
   */
  T get(long handle) {
    return object(indexOf(handle));
  }

  T remove(long handle) {
    int index = indexOf(handle);
    T removed = object(index);
    count--;
    handles[index] = handles[count];
    objects[index] = objects[count];
    objects[count] = null;
    return removed;
  }

  private int indexOf(long handle) {
    for (int i = 0; i < count; i++) {
      if (handles[i] == handle) {
        return i;
      }
    }
    throw new IllegalStateException("there is no %s 0x%x".formatted(kind, handle));
  }

  @SuppressWarnings("unchecked") // only put() stores objects
  private T object(int index) {
    return (T) objects[index];
  }
}
