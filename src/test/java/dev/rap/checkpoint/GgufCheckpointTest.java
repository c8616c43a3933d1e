package dev.rap.checkpoint;

import static dev.rap.checkpoint.Sentences.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.GgufFiles.Output;
import dev.rap.checkpoint.GgufFiles.Writer;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufCheckpointTest {
  @TempDir Path folder;

  private Path written(Writer writer) {
    return writer.write(folder.resolve("model.gguf"));
  }

  private void withFile(Writer writer, Consumer<GgufCheckpoint> test) {
    try (GgufCheckpoint checkpoint = GgufCheckpoint.open(written(writer))) {
      test.accept(checkpoint);
    }
  }

  private static float[] floats(Tensor tensor) {
    return tensor.data().toArray(ValueLayout.JAVA_FLOAT);
  }

  // Written down from the format's description: version 3, one tensor, one key, "a": uint8 7; the
  // tensor "t" of one dimension of 2, type F32, offset 0; padding to 96 bytes; 1.0 and -2.0.
  @Test
  void readsAFileWrittenByHand() throws IOException {
    String header =
        "47475546 03000000 0100000000000000 0100000000000000"
            + "0100000000000000 61 00000000 07"
            + "0100000000000000 74 01000000 0200000000000000 00000000 0000000000000000";
    String file = header.replace(" ", "") + "00".repeat(25) + "0000803f000000c0";
    Path path = folder.resolve("hand.gguf");
    Files.write(path, HexFormat.of().parseHex(file));
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      Tensor tensor = checkpoint.tensor("t");
      assertEquals(1, tensor.rows());
      assertArrayEquals(new float[] {1, -2}, floats(tensor));
      assertEquals(Set.of("t"), checkpoint.names());
      assertEquals(OptionalLong.of(7), ((GgufCheckpoint) checkpoint).integer("a"));
    }
  }

  @Test
  void readsMetadataOfEveryType() {
    Writer writer =
        new Writer()
            .raw("u8", GgufType.UINT8, new Output().i8(200))
            .raw("i8", GgufType.INT8, new Output().i8(-3))
            .raw("u16", GgufType.UINT16, new Output().i8(0xff).i8(0xff))
            .raw("i16", GgufType.INT16, new Output().i8(0xfe).i8(0xff))
            .uint32("u32", -1)
            .raw("i32", GgufType.INT32, new Output().i32(-1))
            .uint64("u64", Long.MAX_VALUE)
            .raw("i64", GgufType.INT64, new Output().i64(Long.MIN_VALUE))
            .float32("f32", 1.5f)
            .raw("f64", GgufType.FLOAT64, new Output().i64(Double.doubleToLongBits(0.1)))
            .flag("yes", true)
            .string("text", "h\u00e9 \ud83d\ude00 \ufffd")
            .strings("texts", List.of("a", "", "\u0120b"))
            .integers("ints", 1, -2, 3)
            .floats("floats", 0.5f, Float.NaN);
    withFile(
        writer,
        checkpoint -> {
          assertEquals(OptionalLong.of(200), checkpoint.integer("u8"));
          assertEquals(OptionalLong.of(-3), checkpoint.integer("i8"));
          assertEquals(OptionalLong.of(65_535), checkpoint.integer("u16"));
          assertEquals(OptionalLong.of(-2), checkpoint.integer("i16"));
          assertEquals(OptionalLong.of(4_294_967_295L), checkpoint.integer("u32"));
          assertEquals(OptionalLong.of(-1), checkpoint.integer("i32"));
          assertEquals(OptionalLong.of(Long.MAX_VALUE), checkpoint.integer("u64"));
          assertEquals(OptionalLong.of(Long.MIN_VALUE), checkpoint.integer("i64"));
          assertEquals(OptionalDouble.of(1.5), checkpoint.number("f32"));
          assertEquals(OptionalDouble.of(0.1), checkpoint.number("f64"));
          assertEquals(OptionalDouble.of(200), checkpoint.number("u8"));
          assertEquals(Optional.of(true), checkpoint.flag("yes"));
          assertEquals(Optional.of("h\u00e9 \ud83d\ude00 \ufffd"), checkpoint.string("text"));
          assertEquals(
              Optional.of(List.of("a", "", "\u0120b")),
              checkpoint.strings("texts").map(Stream::toList));
          assertEquals(OptionalInt.of(3), checkpoint.length("texts"));
          assertArrayEquals(new int[] {1, -2, 3}, checkpoint.integers("ints").orElseThrow());
          float[] numbers = {0.5f, Float.NaN};
          assertArrayEquals(numbers, checkpoint.numbers("floats").orElseThrow());
          assertEquals(Optional.empty(), checkpoint.string("absent"));
          assertEquals(OptionalLong.empty(), checkpoint.integer("absent"));
          assertEquals(15, checkpoint.keys().size());
        });
  }

  @Test
  void refusesMetadataOfAnotherTypeThanAskedFor() {
    Writer writer =
        new Writer()
            .uint32("number", 1)
            .string("text", "x")
            .uint64("huge", Long.MIN_VALUE)
            .array("wide", GgufType.UINT64, 1, new Output().i64(1L << 40))
            .raw("latin", GgufType.STRING, new Output().i64(1).i8(0xe9));
    withFile(
        writer,
        checkpoint -> {
          Path path = checkpoint.path();
          assertRefused(path, () -> checkpoint.string("number"), "UINT32", "a string");
          assertRefused(path, () -> checkpoint.integer("text"), "STRING", "an integer");
          assertRefused(path, () -> checkpoint.number("text"), "STRING", "a number");
          assertRefused(path, () -> checkpoint.flag("number"), "UINT32", "a boolean");
          assertRefused(path, () -> checkpoint.strings("text"), "STRING", "an array of strings");
          assertRefused(path, () -> checkpoint.integers("number"), "an array of integers");
          assertRefused(path, () -> checkpoint.numbers("number"), "an array of numbers");
          assertRefused(path, () -> checkpoint.length("number"), "an array");
          assertRefused(path, () -> checkpoint.integer("huge"), "below 2^63");
          assertRefused(path, () -> checkpoint.integers("wide"), "32 bits");
          assertRefused(path, () -> checkpoint.string("latin"), "not UTF-8");
        });
  }

  @Test
  void dimensionsAreReversedAndOuterOnesFlattened() {
    float[] values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    withFile(
        new Writer().tensor("cube", DType.F32, new long[] {2, 2, 3}, values),
        checkpoint -> {
          Tensor tensor = checkpoint.tensor("cube");
          assertEquals(4, tensor.rows());
          assertEquals(3, tensor.columns());
          assertArrayEquals(values, floats(tensor));
        });
  }

  @ParameterizedTest
  @EnumSource
  void tensorsOfEveryTypeHaveTheBytesThatWereWritten(DType dtype) {
    int columns = Math.max(32, dtype.blockElements());
    float[] values = new float[2 * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i - 31.5f;
    }
    withFile(
        new Writer()
            .tensor("first", dtype, new long[] {1, columns}, Arrays.copyOf(values, columns))
            .tensor("second", dtype, new long[] {2, columns}, values),
        checkpoint -> {
          Tensor tensor = checkpoint.tensor("second");
          assertEquals(dtype, tensor.dtype());
          assertEquals(2, tensor.rows());
          assertArrayEquals(
              TensorBytes.encode(dtype, values), tensor.data().toArray(ValueLayout.JAVA_BYTE));
        });
  }

  // Alignment 1 puts the tensor at an odd address, from which a copy is made.
  @ParameterizedTest
  @ValueSource(ints = {1, 8, 64, 4096})
  void anyAlignmentIsRead(int alignment) {
    Writer writer = new Writer().alignment(alignment).string("odd", "xyz");
    writer.tensor("bytes", DType.F16, new long[] {1}, new float[] {1});
    writer.tensor("t", DType.F32, new long[] {2}, new float[] {1, 2});
    withFile(
        writer,
        checkpoint -> {
          assertArrayEquals(new float[] {1, 2}, floats(checkpoint.tensor("t")));
          assertEquals(0, checkpoint.tensor("t").data().address() % 4);
          assertEquals(checkpoint.tensor("t"), checkpoint.tensor("t"));
        });
  }

  @Test
  void halvesAreWidenedAndQuantisedVectorsRefused() {
    float[] values = {1, -0.5f};
    withFile(
        new Writer()
            .tensor("f32", DType.F32, new long[] {2}, values)
            .tensor("f16", DType.F16, new long[] {2}, values)
            .tensor("bf16", DType.BF16, new long[] {2}, values)
            .tensor("q8", DType.Q8_0, new long[] {32}, new float[32]),
        checkpoint -> {
          for (String name : List.of("f32", "f16", "bf16")) {
            assertArrayEquals(values, floats(checkpoint.findF32(name).orElseThrow()));
          }
          assertEquals(Optional.empty(), checkpoint.findF32("absent"));
          assertRefused(
              checkpoint.path(), () -> checkpoint.findF32("q8"), "q8", "Q8_0", "F32, F16 or BF16");
        });
  }

  @Test
  void tensorsThatCannotBeReadAreRefusedByNameAndTheOthersAreNot() {
    withFile(
        new Writer()
            .tensor("q", 20, new long[] {256}, new byte[144])
            .tensor("new", 99, new long[] {256}, new byte[144])
            .tensor("t", DType.F32, new long[] {1}, new float[] {1}),
        checkpoint -> {
          Path path = checkpoint.path();
          assertEquals(Set.of("new", "q", "t"), checkpoint.names());
          assertEquals(1, checkpoint.tensor("t").columns());
          assertRefused(
              path,
              () -> checkpoint.find("q"),
              "tensor q",
              "IQ4_NL",
              "[F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K]");
          assertRefused(path, () -> checkpoint.find("new"), "type 99");
          assertRefused(path, () -> checkpoint.tensor("absent"), "no tensor absent");
          assertEquals(64, checkpoint.fingerprint().length());
        });
  }

  @Test
  void version2IsReadAndOthersAreRefusedByName() {
    Writer writer = new Writer().uint32("a", 7);
    withFile(writer.version(2), checkpoint -> assertEquals(7, checkpoint.integer("a").getAsLong()));
    Path path = folder.resolve("model.gguf");
    Path one = written(writer.version(1));
    assertRefused(path, () -> Checkpoint.open(one), "GGUF version 1", "versions 2 and 3");
    Path four = written(writer.version(4));
    assertRefused(path, () -> Checkpoint.open(four), "GGUF version 4");
    Path bigEndian = written(writer.version(Integer.reverseBytes(3)));
    assertRefused(path, () -> Checkpoint.open(bigEndian), "big-endian GGUF version 3");
  }

  @Test
  void theFingerprintFollowsMetadataTypesShapesAndData() {
    float[] values = new float[4096]; // more than the samples of start and end together
    String original = fingerprint("x", new long[] {64, 64}, values);
    assertEquals(original, fingerprint("x", new long[] {64, 64}, values));
    assertNotEquals(original, fingerprint("y", new long[] {64, 64}, values));
    assertNotEquals(original, fingerprint("x", new long[] {32, 128}, values));
    for (int changed : new int[] {0, 511, 4095}) {
      float[] others = values.clone();
      others[changed] = 1;
      assertNotEquals(original, fingerprint("x", new long[] {64, 64}, others));
    }
  }

  private String fingerprint(String text, long[] shape, float[] values) {
    Path path = written(new Writer().string("k", text).tensor("t", DType.F32, shape, values));
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      return checkpoint.fingerprint();
    }
  }

  @Test
  void tensorsDieWithTheCheckpointAndClosingTwiceIsHarmless() {
    Path path = written(new Writer().tensor("t", DType.F32, new long[] {1}, new float[] {1}));
    Checkpoint checkpoint = Checkpoint.open(path);
    Tensor tensor = checkpoint.tensor("t");
    checkpoint.close();
    checkpoint.close();
    assertThrows(IllegalStateException.class, () -> tensor.data().get(ValueLayout.JAVA_FLOAT, 0));
  }

  @Test
  void tensorsCannotBeWrittenTo() {
    withFile(
        new Writer().tensor("t", DType.F16, new long[] {1}, new float[] {1}),
        checkpoint -> {
          assertTrue(checkpoint.tensor("t").data().isReadOnly());
          assertTrue(checkpoint.findF32("t").orElseThrow().data().isReadOnly());
        });
  }
}
