package dev.rap.checkpoint;

import static dev.rap.checkpoint.Sentences.assertRefused;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rap.checkpoint.GgufFiles.Output;
import dev.rap.checkpoint.GgufFiles.Writer;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files that are cut, lie, or are none. Each is refused in one sentence, before memory is asked
 * for.
 */
class GgufDamageTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void nameTheFile() {
    file = folder.resolve("model.gguf");
  }

  private void assertFileRefused(byte[] bytes, String... parts) {
    try {
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    assertRefused(file, () -> Checkpoint.open(file), parts);
  }

  private void assertWriterRefused(Writer writer, String... parts) {
    assertFileRefused(writer.bytes(), parts);
  }

  /** A file with a bit of everything; its last byte is data. */
  private static byte[] sound() {
    return new Writer()
        .alignment(8)
        .string("text", "hello")
        .strings("texts", List.of("a", "bc"))
        .integers("ints", 1, 2)
        .tensor("first", DType.F32, new long[] {2, 2}, new float[4])
        .tensor("second", DType.Q8_0, new long[] {8, 32}, new float[256])
        .bytes();
  }

  @Test
  void whatIsNoFileIsRefused() throws IOException {
    assertRefused(file, () -> Checkpoint.open(file), "no such file", "check the path");
    assertRefused(folder, () -> GgufCheckpoint.open(folder), "is a directory", "expected a file");
    assertFileRefused(new byte[0], "is empty");
    Path device = Path.of("/dev/zero");
    assumeTrue(Files.exists(device), "this machine has no /dev/zero");
    assertRefused(device, () -> Checkpoint.open(device), "is a device", "expected a plain file");
  }

  @Test
  void anUnreadableFileIsRefused() throws IOException {
    Files.write(file, sound());
    assumeTrue(file.toFile().setReadable(false), "this file system has no permissions");
    assumeFalse(Files.isReadable(file), "this user may read everything");
    assertRefused(file, () -> Checkpoint.open(file), "permission is denied");
  }

  @Test
  void whatIsNoGgufIsRefusedWithAHint() {
    assertFileRefused("GGU".getBytes(StandardCharsets.UTF_8), "is no GGUF file");
    assertFileRefused("PK\3\4 and so on".getBytes(StandardCharsets.UTF_8), "is no GGUF file");
    byte[] safetensors = HuggingFaceFolders.safetensors("{\"a\":1}", new byte[0]);
    assertFileRefused(safetensors, "safetensors file, name the folder");
    String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    assertFileRefused(pointer.getBytes(StandardCharsets.UTF_8), "git lfs pull");
  }

  @Test
  void aFileCutShortAnywhereIsRefused() {
    byte[] sound = sound();
    for (int length = 0; length < sound.length; length++) {
      assertFileRefused(Arrays.copyOf(sound, length));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 62, 1L << 32, 1_000_000})
  void countsThatTheFileCannotHoldAreRefused(long count) {
    Writer writer = new Writer().string("text", "hello");
    String stated = Long.toUnsignedString(count);
    assertFileRefused(writer.bytes(count, 1), "the count of tensors is " + stated);
    assertFileRefused(writer.bytes(0, count), "the count of metadata keys is " + stated);
    assertWriterRefused(
        new Writer().raw("text", GgufType.STRING, new Output().i64(count)),
        "the length of text is " + stated);
    for (GgufType type : List.of(GgufType.UINT8, GgufType.FLOAT64, GgufType.STRING)) {
      assertWriterRefused(
          new Writer().array("list", type, count, new Output()),
          "the count of elements of list is " + stated);
    }
    assertWriterRefused(
        new Writer().raw("nested", GgufType.ARRAY, new Output().i32(9).i64(count)), stated);
    assertFileRefused(keyOfLength(count), "the length of a metadata key is " + stated);
  }

  private static byte[] keyOfLength(long length) {
    return new Output()
        .bytes("GGUF".getBytes(StandardCharsets.US_ASCII))
        .i32(3)
        .i64(0)
        .i64(1)
        .i64(length)
        .bytes(new byte[100])
        .all();
  }

  @Test
  void arraysNestedTooDeepAreRefused() {
    Output nested = new Output().i32(GgufType.UINT8.number()).i64(0);
    for (int depth = 1; depth <= 4; depth++) {
      nested = new Output().i32(GgufType.ARRAY.number()).i64(1).bytes(nested.all());
      Writer writer = new Writer().raw("nested", GgufType.ARRAY, nested);
      if (depth < 4) {
        Checkpoint.open(writer.write(file)).close();
      } else {
        assertWriterRefused(writer, "nested", "deeper than 4");
      }
    }
  }

  @Test
  void namesThatComeTwiceOrCannotBeShownAreRefused() {
    assertWriterRefused(new Writer().uint32("a", 1).flag("a", true), "key a comes twice");
    float[] one = {1};
    assertWriterRefused(
        new Writer()
            .tensor("t", DType.F32, new long[] {1}, one)
            .tensor("t", DType.F32, new long[] {1}, one),
        "tensor t comes twice");
    assertWriterRefused(new Writer().uint32("", 1), "empty");
    assertWriterRefused(new Writer().uint32("a\u001b[2J", 1), "control characters");
    assertWriterRefused(new Writer().uint32("a".repeat(257), 1), "is 257, expected at most 256");
  }

  @Test
  void typesThatDoNotExistAreRefused() {
    byte[] unknown = new Writer().uint32("a", 1).bytes();
    unknown[24 + 8 + 1] = 13; // after the fixed part, the key's length and the key
    assertFileRefused(unknown, "the type of a is 13, expected 0 to 12");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE})
  void dimensionsBelowOneAreRefused(long dimension) {
    assertWriterRefused(
        new Writer().declare("t", 0, new long[] {2, dimension}, 0),
        "dimension of tensor t is " + Long.toUnsignedString(dimension));
  }

  @Test
  void shapesWhoseSizeOverflowsOrExceedsTheFileAreRefused() {
    assertWriterRefused(
        new Writer().declare("t", 0, new long[] {1L << 32, 1L << 32}, 0), "overflow");
    assertWriterRefused(new Writer().declare("t", 0, new long[] {Long.MAX_VALUE}, 0), "overflow");
    assertWriterRefused(
        new Writer().declare("t", 0, new long[] {1L << 40, 1L << 20}, 0), "needs", "tensor t");
    assertWriterRefused(
        new Writer().declare("t", 8, new long[] {2, 33}, 0), "multiple of 32 for Q8_0");
    assertWriterRefused(new Writer().declare("t", 0, new long[5], 0), "5 dimensions, expected");
  }

  @Test
  void moreRowsThanAnIntegerHoldsAreRefusedWhereTheFileHasThem() {
    // Of a type that cannot be read, so that the file need not be that large.
    Writer writer = new Writer().declare("t", 20, new long[] {1L << 40, 256}, 0);
    try (Checkpoint checkpoint = Checkpoint.open(writer.write(file))) {
      assertRefused(file, () -> checkpoint.find("t"), "IQ4_NL");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {32, 1L << 40, Long.MAX_VALUE - 31, 1L << 62})
  void offsetsPastTheEndAreRefused(long offset) {
    assertWriterRefused(
        new Writer().declare("t", 0, new long[] {8}, offset),
        "tensor t needs 32 bytes at offset " + offset);
  }

  @ParameterizedTest
  @ValueSource(longs = {-32, Long.MIN_VALUE, 1, 33})
  void offsetsThatAreNegativeOrNotAlignedAreRefused(long offset) {
    Writer writer = new Writer().tensor("a", DType.F32, new long[] {64}, new float[64]);
    assertWriterRefused(
        writer.declare("t", 0, new long[] {8}, offset),
        "offset " + Long.toUnsignedString(offset) + ", expected a multiple of 32");
  }

  @Test
  void tensorsThatOverlapAreRefused() {
    Writer writer = new Writer().tensor("a", DType.F32, new long[] {64}, new float[64]);
    assertWriterRefused(writer.declare("t", 0, new long[] {8}, 224), "tensors a and t overlap");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 48, -1, 1 << 21})
  void alignmentsThatAreNoPowerOfTwoAreRefused(int alignment) {
    assertWriterRefused(
        new Writer().uint32("general.alignment", alignment), "expected a power of 2");
  }

  // A gigabyte of nothing that claims to be a vocabulary: refused by its count, without reading it.
  @Test
  void aSparseGigabyteOfEmptyStringsIsRefusedAtOnce() throws IOException {
    Files.write(file, new Writer().array("list", GgufType.STRING, 1L << 26, new Output()).bytes());
    try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
      channel.position(1L << 30).write(ByteBuffer.allocate(1));
    }
    assertRefused(file, () -> Checkpoint.open(file), "the count of elements of list is 67108864");
  }
}
