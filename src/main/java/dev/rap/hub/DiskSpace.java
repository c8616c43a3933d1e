package dev.rap.hub;

import dev.rap.Bytes;
import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether there is room. */
public final class DiskSpace {
  private DiskSpace() {}

  /**
   * Requires {@code bytes} on the disk of {@code folder}, which exists.
   *
   * @throws InputException if there are fewer
   */
  public static void require(String what, Path folder, long bytes) throws IOException {
    long free = Math.max(0, Files.getFileStore(folder).getUsableSpace());
    if (free < bytes) {
      throw new InputException(
          "%s needs %s on the disk of %s while it is fetched, %s are free: make room, or set XDG_DATA_HOME to another disk"
              .formatted(what, Bytes.text(bytes), folder, Bytes.text(free)));
    }
  }
}
