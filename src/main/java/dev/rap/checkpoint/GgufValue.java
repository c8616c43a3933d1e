package dev.rap.checkpoint;

import dev.rap.InputException;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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
  private static final String VALUE = "the value";
  private static final int DEEPEST = 4; // arrays within arrays

  /** {@return the value at the cursor, which is moved past it} */
  static GgufValue read(GgufCursor cursor, String key) {
    GgufType type = GgufType.read(cursor, key);
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
    GgufType type = GgufType.read(cursor, key);
    // An empty string is its length, an empty array its type and count.
    long leastBytes = type.isFixed() ? type.byteSize() : type == GgufType.STRING ? 8 : 12;
    int count = (int) cursor.count("the count of elements", key, leastBytes, MOST_ELEMENTS);
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
    return file.at(start).u8(VALUE, key) != 0;
  }

  long integer() {
    require(!array && type.isInteger(), "an integer");
    return nextInteger(file.at(start));
  }

  double number() {
    require(!array && (type.isInteger() || type.isFloat()), "a number");
    return nextNumber(file.at(start));
  }

  Stream<String> strings() {
    require(array && type == GgufType.STRING, "an array of strings");
    GgufCursor cursor = file.at(start);
    return IntStream.range(0, count).mapToObj(i -> cursor.text(key));
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
      case FLOAT32 -> Float.intBitsToFloat(cursor.i32(VALUE, key));
      case FLOAT64 -> Double.longBitsToDouble(cursor.i64(VALUE, key));
      default -> nextInteger(cursor);
    };
  }

  private long nextInteger(GgufCursor cursor) {
    return switch (type) {
      case UINT8 -> cursor.u8(VALUE, key);
      case INT8 -> (byte) cursor.u8(VALUE, key);
      case UINT16 -> cursor.u16(VALUE, key);
      case INT16 -> (short) cursor.u16(VALUE, key);
      case UINT32 -> Integer.toUnsignedLong(cursor.i32(VALUE, key));
      case INT32 -> cursor.i32(VALUE, key);
      case INT64 -> cursor.i64(VALUE, key);
      case UINT64 -> {
        long value = cursor.i64(VALUE, key);
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
