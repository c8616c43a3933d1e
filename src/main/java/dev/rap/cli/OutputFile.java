package dev.rap.cli;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Files that a command leaves behind: whole, or not at all. */
final class OutputFile {
  private OutputFile() {}

  /**
   * Writes {@code bytes} to {@code file}, which is replaced if it is there.
   *
   * @throws InputException if that cannot be done; nothing is left behind
   */
  static void write(Path file, byte[] bytes) {
    Path folder = file.toAbsolutePath().getParent();
    try {
      Path part = Files.createTempFile(folder, file.getFileName().toString(), ".part");
      try {
        Files.write(part, bytes);
        Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written: %s; name another place".formatted(file, e), e);
    }
  }
}
