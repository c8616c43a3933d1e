package dev.rap.checkpoint;

/** The types of metadata values. */
enum GgufType {
  UINT8(0, 1),
  INT8(1, 1),
  UINT16(2, 2),
  INT16(3, 2),
  UINT32(4, 4),
  INT32(5, 4),
  FLOAT32(6, 4),
  BOOL(7, 1),
  STRING(8, 0),
  ARRAY(9, 0),
  UINT64(10, 8),
  INT64(11, 8),
  FLOAT64(12, 8);

  private final int number;
  private final int byteSize;

  GgufType(int number, int byteSize) {
    this.number = number;
    this.byteSize = byteSize;
  }

  static GgufType read(GgufCursor cursor, String key) {
    int number = cursor.i32("the type", key);
    for (GgufType type : values()) {
      if (type.number == number) {
        return type;
      }
    }
    throw cursor.damaged(
        "the type of %s is %s, expected 0 to %d"
            .formatted(key, Integer.toUnsignedString(number), FLOAT64.number));
  }

  /** {@return the number of this type in the file} */
  int number() {
    return number;
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
