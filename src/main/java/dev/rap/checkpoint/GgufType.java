package dev.rap.checkpoint;

/** The types of metadata values. The ordinal is the number in the file. */
enum GgufType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(0),
  ARRAY(0),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private final int byteSize;

  GgufType(int byteSize) {
    this.byteSize = byteSize;
  }

  static GgufType read(GgufCursor cursor, String what) {
    int number = cursor.i32("the type of " + what);
    if (number < 0 || number >= values().length) {
      throw cursor.damaged(
          "the type of %s is %s, expected 0 to %d"
              .formatted(what, Integer.toUnsignedString(number), values().length - 1));
    }
    return values()[number];
  }

  boolean isFixed() {
    return byteSize > 0;
  }

  /** {@return the bytes of a value whose size does not vary, otherwise 0} */
  int byteSize() {
    return byteSize;
  }

  boolean isFloat() {
    return this == FLOAT32 || this == FLOAT64;
  }

  boolean isInteger() {
    return isFixed() && !isFloat() && this != BOOL;
  }
}
