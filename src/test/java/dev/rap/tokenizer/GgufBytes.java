package dev.rap.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes a GGUF file of version 3 that has metadata and no tensors. */
final class GgufBytes {
  private static final int UINT32 = 4;
  private static final int INT32 = 5;
  private static final int FLOAT32 = 6;
  private static final int BOOL = 7;
  private static final int STRING = 8;
  private static final int ARRAY = 9;

  private final ByteArrayOutputStream pairs = new ByteArrayOutputStream();
  private long count;

  GgufBytes string(String key, String value) {
    begin(key, STRING);
    text(value);
    return this;
  }

  GgufBytes integer(String key, int value) {
    begin(key, UINT32);
    i32(value);
    return this;
  }

  GgufBytes flag(String key, boolean value) {
    begin(key, BOOL);
    pairs.write(value ? 1 : 0);
    return this;
  }

  GgufBytes strings(String key, List<String> values) {
    begin(key, ARRAY);
    i32(STRING);
    i64(values.size());
    values.forEach(this::text);
    return this;
  }

  GgufBytes integers(String key, List<Integer> values) {
    begin(key, ARRAY);
    i32(INT32);
    i64(values.size());
    values.forEach(this::i32);
    return this;
  }

  GgufBytes numbers(String key, List<Float> values) {
    begin(key, ARRAY);
    i32(FLOAT32);
    i64(values.size());
    values.forEach(value -> i32(Float.floatToRawIntBits(value)));
    return this;
  }

  byte[] bytes() {
    byte[] metadata = pairs.toByteArray();
    return ByteBuffer.allocate(24 + metadata.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put("GGUF".getBytes(StandardCharsets.US_ASCII))
        .putInt(3)
        .putLong(0) // tensors
        .putLong(count)
        .put(metadata)
        .array();
  }

  private void begin(String key, int type) {
    count++;
    text(key);
    i32(type);
  }

  private void text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    i64(utf8.length);
    pairs.writeBytes(utf8);
  }

  private void i32(int value) {
    pairs.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private void i64(long value) {
    pairs.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }
}
