package dev.rap.checkpoint;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a metadata value lies in the file. It is decoded when somebody asks, since vocabularies are
 * large.
 *
 * @param key that it belongs to
 * @param array whether there may be more than one, or none
 * @param type of the value, or of the elements of the array
 * @param count of elements; 1 if this is no array
 * @param start of the first element, in bytes from the start of the file
 */
record GgufValue(GgufCursor file, String key, boolean array, GgufType type, int count, long start) {
  private static final int MOST_ELEMENTS = 1 << 22; // eight times the largest list of merges known
  private static final long MOST_TEXT_BYTES = 1L << 26; // of all strings of a list
  private static final int DEEPEST = 4; // arrays within arrays

  /** {@return the value at the cursor, which is moved past it} */
  static GgufValue read(GgufCursor cursor, String key) {
    GgufType type = GgufType.read(cursor, "the value of " + key);
    if (type == GgufType.ARRAY) {
      return readArray(cursor, key, 1);
    }
    GgufValue value = new GgufValue(cursor, key, false, type, 1, cursor.position());
    value.skipElements(cursor);
    return value;
  }

  private static GgufValue readArray(GgufCursor cursor, String key, int depth) {
    if (depth > DEEPEST) {
      throw cursor.damaged(
          "the value of %s has arrays in arrays deeper than %d".formatted(key, DEEPEST));
    }
    GgufType type = GgufType.read(cursor, "the elements of " + key);
    // An empty string is its length, an empty array its type and count.
    long leastBytes = type.isFixed() ? type.byteSize() : type == GgufType.STRING ? 8 : 12;
    int count = (int) cursor.count("the count of elements of " + key, leastBytes, MOST_ELEMENTS);
    GgufValue value = new GgufValue(cursor, key, true, type, count, cursor.position());
    if (type == GgufType.ARRAY) {
      for (int i = 0; i < count; i++) {
        readArray(cursor, key, depth + 1);
      }
    } else {
      value.skipElements(cursor);
    }
    if (type == GgufType.STRING && cursor.position() - value.start > MOST_TEXT_BYTES) {
      throw cursor.damaged(
          "the strings of %s take %d bytes, expected at most %d"
              .formatted(key, cursor.position() - value.start, MOST_TEXT_BYTES));
    }
    return value;
  }

  private void skipElements(GgufCursor cursor) {
    if (type.isFixed()) {
      cursor.skip((long) count * type.byteSize(), key);
      return;
    }
    for (int i = 0; i < count; i++) {
      cursor.skipText(key);
    }
  }

  String string() {
    require(!array && type == GgufType.STRING, "a string");
    return file.at(start).text(key);
  }

  boolean flag() {
    require(!array && type == GgufType.BOOL, "a boolean");
    return file.at(start).u8(key) != 0;
  }

  long integer() {
    require(!array && type.isInteger(), "an integer");
    return nextInteger(file.at(start));
  }

  double number() {
    require(!array && (type.isInteger() || type.isFloat()), "a number");
    return nextNumber(file.at(start));
  }

  List<String> strings() {
    require(array && type == GgufType.STRING, "an array of strings");
    GgufCursor cursor = file.at(start);
    List<String> strings = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      strings.add(cursor.text(key));
    }
    return List.copyOf(strings);
  }

  int[] integers() {
    require(array && type.isInteger(), "an array of integers");
    GgufCursor cursor = file.at(start);
    int[] integers = new int[count];
    for (int i = 0; i < count; i++) {
      long value = nextInteger(cursor);
      require(value == (int) value, "integers of 32 bits");
      integers[i] = (int) value;
    }
    return integers;
  }

  float[] numbers() {
    require(array && (type.isInteger() || type.isFloat()), "an array of numbers");
    GgufCursor cursor = file.at(start);
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) nextNumber(cursor);
    }
    return numbers;
  }

  int length() {
    require(array, "an array");
    return count;
  }

  private double nextNumber(GgufCursor cursor) {
    return switch (type) {
      case FLOAT32 -> Float.intBitsToFloat(cursor.i32(key));
      case FLOAT64 -> Double.longBitsToDouble(cursor.i64(key));
      default -> nextInteger(cursor);
    };
  }

  private long nextInteger(GgufCursor cursor) {
    return switch (type) {
      case UINT8 -> cursor.u8(key);
      case INT8 -> (byte) cursor.u8(key);
      case UINT16 -> cursor.u16(key);
      case INT16 -> (short) cursor.u16(key);
      case UINT32 -> Integer.toUnsignedLong(cursor.i32(key));
      case INT32 -> cursor.i32(key);
      case INT64 -> cursor.i64(key);
      case UINT64 -> {
        long value = cursor.i64(key);
        require(value >= 0, "an integer below 2^63");
        yield value;
      }
      case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> throw new AssertionError(type);
    };
  }

  private void require(boolean asExpected, String expected) {
    if (!asExpected) {
      throw new InputException(
          "%s: the value of %s is %s %s, expected %s: convert the model again"
              .formatted(file.file(), key, array ? "an array of" : "of type", type, expected));
    }
  }
}
