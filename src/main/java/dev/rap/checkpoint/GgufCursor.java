package dev.rap.checkpoint;

import dev.rap.InputException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads a GGUF header from front to back and never past the end. For one thread. */
final class GgufCursor {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int NAME_BYTES = 1024; // the format's own bounds: 65,535 keys, 64 tensors
  private static final int TEXT_BYTES = 1 << 24;

  private final Path file;
  private final MemorySegment bytes;
  private long position;

  GgufCursor(Path file, MemorySegment bytes, long position) {
    this.file = file;
    this.bytes = bytes;
    this.position = position;
  }

  GgufCursor at(long other) {
    return new GgufCursor(file, bytes, other);
  }

  Path file() {
    return file;
  }

  MemorySegment bytes() {
    return bytes;
  }

  long position() {
    return position;
  }

  int u8(String what) {
    return bytes.get(ValueLayout.JAVA_BYTE, advance(1, what)) & 0xff;
  }

  int u16(String what) {
    return bytes.get(SHORT, advance(2, what)) & 0xffff;
  }

  int i32(String what) {
    return bytes.get(INT, advance(4, what));
  }

  long i64(String what) {
    return bytes.get(LONG, advance(8, what));
  }

  /**
   * {@return a count of things of which each takes at least {@code leastBytes} from here on}
   *
   * @param leastBytes positive
   */
  long count(String what, long leastBytes, long most) {
    long count = i64(what);
    if (count < 0 || count > most || count > (bytes.byteSize() - position) / leastBytes) {
      throw damaged(
          "%s is %s, expected at most %d in the %d bytes that follow"
              .formatted(
                  what,
                  Long.toUnsignedString(count),
                  Math.min(most, (bytes.byteSize() - position) / leastBytes),
                  bytes.byteSize() - position));
    }
    return count;
  }

  /** {@return a key or the name of a tensor} */
  String name(String what) {
    String name = text(what, NAME_BYTES);
    if (name.isEmpty()) {
      throw damaged(what + " is empty");
    }
    return name;
  }

  String text(String what) {
    return text(what, TEXT_BYTES);
  }

  void skipText(String what) {
    advance(count("the length of " + what, 1, Long.MAX_VALUE), what);
  }

  /** Passes over {@code count} bytes. */
  void skip(long count, String what) {
    advance(count, what);
  }

  InputException damaged(String what) {
    return new InputException(
        "%s: at byte %d, %s: the file is damaged or cut short, fetch it again"
            .formatted(file, position, what));
  }

  private String text(String what, int most) {
    int length = (int) count("the length of " + what, 1, most);
    byte[] utf8 = bytes.asSlice(position, length).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(utf8, StandardCharsets.UTF_8);
    // The replacement character is where malformed bytes show, and may also be meant.
    if (text.indexOf('\uFFFD') >= 0
        && !Arrays.equals(utf8, text.getBytes(StandardCharsets.UTF_8))) {
      throw damaged(what + " is not UTF-8");
    }
    position += length;
    return text;
  }

  private long advance(long count, String what) {
    long start = position;
    if (count > bytes.byteSize() - position) {
      throw damaged(
          "%s needs %d bytes, but the file ends after %d"
              .formatted(what, count, bytes.byteSize() - position));
    }
    position += count;
    return start;
  }
}
