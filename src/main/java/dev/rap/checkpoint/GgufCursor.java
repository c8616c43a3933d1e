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
  private static final int NAME_BYTES = TensorTable.MOST_NAME_CHARACTERS;
  private static final int TEXT_BYTES = 1 << 24;

  private static final String LENGTH = "the length";

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

  // Each read is told what it reads, and of what, for the sentence that says what is wrong. The two
  // are joined only then: a vocabulary has a hundred thousand lengths.

  int u8(String what, String of) {
    return bytes.get(ValueLayout.JAVA_BYTE, advance(1, what, of)) & 0xff;
  }

  int u16(String what, String of) {
    return bytes.get(SHORT, advance(2, what, of)) & 0xffff;
  }

  int i32(String what, String of) {
    return bytes.get(INT, advance(4, what, of));
  }

  long i64(String what, String of) {
    return bytes.get(LONG, advance(8, what, of));
  }

  /**
   * {@return a count of things of which each takes at least {@code leastBytes} from here on}
   *
   * @param leastBytes positive
   */
  long count(String what, String of, long leastBytes, long most) {
    long count = i64(what, of);
    long remaining = bytes.byteSize() - position;
    if (count < 0 || count > most || count > remaining / leastBytes) {
      throw damaged(
          "%s of %s is %s, expected at most %d as %d bytes follow"
              .formatted(
                  what,
                  of,
                  Long.toUnsignedString(count),
                  Math.min(most, remaining / leastBytes),
                  remaining));
    }
    return count;
  }

  /** {@return a key or the name of a tensor} */
  String name(String of) {
    String name = text(of, NAME_BYTES);
    if (!TensorTable.isName(name)) {
      throw damaged("the name of %s is empty or holds control characters".formatted(of));
    }
    return name;
  }

  String text(String of) {
    return text(of, TEXT_BYTES);
  }

  void skipText(String of) {
    skip(count(LENGTH, of, 1, Long.MAX_VALUE), of);
  }

  /** Passes over {@code count} bytes. */
  void skip(long count, String of) {
    advance(count, "the value", of);
  }

  InputException damaged(String what) {
    return new InputException(
        "%s: at byte %d, %s: the file is damaged or cut short, fetch it again"
            .formatted(file, position, what));
  }

  private String text(String of, int most) {
    int length = (int) count(LENGTH, of, 1, most);
    byte[] utf8 = new byte[length];
    MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, position, utf8, 0, length);
    String text = new String(utf8, StandardCharsets.UTF_8);
    // The replacement character is where malformed bytes show, and may also be meant.
    if (text.indexOf('\uFFFD') >= 0
        && !Arrays.equals(utf8, text.getBytes(StandardCharsets.UTF_8))) {
      throw damaged("a string of " + of + " is not UTF-8");
    }
    position += length;
    return text;
  }

  private long advance(long count, String what, String of) {
    long start = position;
    if (count > bytes.byteSize() - position) {
      throw damaged(
          "%s of %s takes %d bytes, but the file ends after %d"
              .formatted(what, of, count, bytes.byteSize() - position));
    }
    position += count;
    return start;
  }
}
