package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelsTest {
  @TempDir private Path folder;

  @Test
  void theFolderFollowsTheBaseDirectorySpecification() {
    assertEquals(
        Path.of("/data/rap/models"),
        Models.of(Map.of("XDG_DATA_HOME", "/data", "HOME", "/home/u")).folder());
    assertEquals(
        Path.of("/home/u/.local/share/rap/models"), Models.of(Map.of("HOME", "/home/u")).folder());
    // The specification: a relative path is to be ignored.
    assertEquals(
        Path.of("/home/u/.local/share/rap/models"),
        Models.of(Map.of("XDG_DATA_HOME", "data", "HOME", "/home/u")).folder());
  }

  @Test
  void aPathThatExistsIsTheModel() throws IOException {
    Path file = Files.createFile(folder.resolve("own.gguf"));
    assertEquals(file, new Models(folder).resolve(file.toString()));
  }

  @Test
  void aPublishedNameIsTheModelThatWasPulled() throws IOException {
    Models models = new Models(folder);
    assertEquals(
        "smollm2-135m is not on this machine yet, './rap pull smollm2-135m' fetches it",
        assertThrows(InputException.class, () -> models.resolve("smollm2-135m")).getMessage());
    Path file = Files.createFile(folder.resolve("SmolLM2-135M-Instruct.Q4_1.gguf"));
    assertEquals(file, models.resolve("smollm2-135m"));
    assertEquals(file, models.resolve("SmolLM2-135M"));
  }

  @Test
  void anythingElseIsRefusedWithWhatThereIs() {
    assertEquals(
        "there is no model 'x.gguf': MODEL is a GGUF file, a Hugging Face folder, 'bundled',"
            + " one of smollm2-135m, or OWNER/NAME of the hub",
        assertThrows(InputException.class, () -> new Models(folder).resolve("x.gguf"))
            .getMessage());
    assertThrows(InputException.class, () -> new Models(folder).resolve("x\0y"));
  }
}
