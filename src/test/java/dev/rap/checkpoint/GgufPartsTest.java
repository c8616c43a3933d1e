package dev.rap.checkpoint;

import static dev.rap.checkpoint.Sentences.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.rap.checkpoint.GgufFiles.Output;
import dev.rap.checkpoint.GgufFiles.Writer;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models of three parts, named and numbered as llama-gguf-split does. */
class GgufPartsTest {
  @TempDir Path folder;

  private Path file(int part) {
    return folder.resolve("tiny-%05d-of-00003.gguf".formatted(part));
  }

  private static Writer numbered(int number, int count, int tensors) {
    return new Writer()
        .raw("split.no", GgufType.UINT16, new Output().i8(number).i8(0))
        .raw("split.count", GgufType.UINT16, new Output().i8(count).i8(0))
        .raw("split.tensors.count", GgufType.INT32, new Output().i32(tensors));
  }

  private void write(int part, int tensors, String tensor) {
    numbered(part - 1, 3, tensors)
        .string("general.name", "part " + part)
        .tensor(tensor, DType.F32, new long[] {2}, new float[] {part, -part})
        .write(file(part));
  }

  private void writeAll() {
    write(1, 3, "a");
    write(2, 3, "b");
    write(3, 3, "c");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void anyPartOpensTheModel(int part) {
    writeAll();
    try (GgufCheckpoint checkpoint = GgufCheckpoint.open(file(part))) {
      assertEquals(file(1), checkpoint.path());
      assertEquals(Set.of("a", "b", "c"), checkpoint.names());
      assertEquals(Optional.of("part 1"), checkpoint.string("general.name"));
      float[] third = checkpoint.tensor("c").data().toArray(ValueLayout.JAVA_FLOAT);
      assertArrayEquals(new float[] {3, -3}, third);
    }
  }

  @Test
  void theFingerprintIsTheModels() {
    writeAll();
    String first = fingerprint(1);
    assertEquals(first, fingerprint(3));
    write(3, 3, "d");
    assertNotEquals(first, fingerprint(1));
  }

  private String fingerprint(int part) {
    try (Checkpoint checkpoint = Checkpoint.open(file(part))) {
      return checkpoint.fingerprint();
    }
  }

  @Test
  void missingPartsAreNamed() throws IOException {
    writeAll();
    Files.delete(file(1));
    Files.delete(file(3));
    assertRefused(
        file(2),
        () -> Checkpoint.open(file(2)),
        "one of 3 parts",
        "[tiny-00001-of-00003.gguf, tiny-00003-of-00003.gguf]",
        "no such file");
  }

  @Test
  void ofManyMissingPartsAFewAreNamed() {
    Path file = folder.resolve("big-00007-of-00200.gguf");
    numbered(6, 200, 9).write(file);
    assertRefused(file, () -> Checkpoint.open(file), "big-00001-of-00200.gguf", "and 194 more");
  }

  @Test
  void aPartUnderAnotherNameIsRefused() throws IOException {
    writeAll();
    Path renamed = Files.move(file(2), folder.resolve("second.gguf"));
    assertRefused(renamed, () -> Checkpoint.open(renamed), "part 2 of 3", "-00002-of-00003.gguf");
    Files.move(renamed, file(2));
    Path swapped = Files.move(file(3), folder.resolve("tiny-00003-of-00004.gguf"));
    assertRefused(swapped, () -> Checkpoint.open(swapped), "part 3 of 3");
  }

  @Test
  void aPartOfAnotherPlaceIsRefused() throws IOException {
    writeAll();
    Files.copy(file(2), file(3), StandardCopyOption.REPLACE_EXISTING);
    assertRefused(
        file(3), () -> Checkpoint.open(file(1)), "is part 2 of 3", "expected part 3 of 3");
    numbered(2, 2, 3).write(file(3));
    assertRefused(file(3), () -> Checkpoint.open(file(1)), "is part 3 of 2");
    new Writer().string("general.name", "whole").write(file(3));
    assertRefused(file(3), () -> Checkpoint.open(file(1)), "is part 0 of 1");
  }

  @Test
  void partsOfSeveralModelsAreRefused() {
    write(1, 3, "a");
    write(2, 3, "b");
    write(3, 3, "a");
    assertRefused(
        file(3), () -> Checkpoint.open(file(1)), "has tensor a", "tiny-00001-of-00003.gguf");
    write(3, 3, "c");
    write(1, 4, "a");
    assertRefused(file(1), () -> Checkpoint.open(file(2)), "states 4 tensors", "have 3");
  }

  @Test
  void aDamagedPartIsRefusedByItsOwnName() throws IOException {
    writeAll();
    byte[] bytes = Files.readAllBytes(file(2));
    Files.write(file(2), Arrays.copyOf(bytes, bytes.length - 32));
    assertRefused(file(2), () -> Checkpoint.open(file(1)), "tensor b");
  }

  @Test
  void aModelThatSaysItIsTheOnlyPartIsOneFile() {
    Path file =
        numbered(0, 1, 1)
            .tensor("a", DType.F32, new long[] {1}, new float[] {1})
            .write(folder.resolve("any.gguf"));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertEquals(Set.of("a"), checkpoint.names());
    }
  }
}
