package dev.rap.cli;

import dev.rap.AtomicFile;
import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Path;

/** Files that a command leaves behind: whole, or not at all. */
final class OutputFile {
  private OutputFile() {}

  /**
   * Writes {@code bytes} to {@code file}, which is replaced if it is there.
   *
   * @throws InputException if that cannot be done; nothing is left behind
   */
  static void write(Path file, byte[] bytes) {
    try {
      AtomicFile.write(file, bytes);
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written: %s; name another place".formatted(file, e), e);
    }
  }
}
