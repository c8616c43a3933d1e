package dev.rap;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Files that are written whole, or not at all. */
public final class AtomicFile {
  private AtomicFile() {}

  /**
   * Puts {@code bytes} into {@code file}, in place of what was there.
   *
   * @throws IOException if that cannot be done; the file is as it was then, and nothing is left
   *     beside it
   */
  public static void write(Path file, byte[] bytes) throws IOException {
    // The process and the time tell two writers apart.
    String suffix = ".%d-%d.part".formatted(ProcessHandle.current().pid(), System.nanoTime());
    Path part = file.resolveSibling(file.getFileName() + suffix);
    try {
      try (FileChannel channel =
          FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        ByteBuffer left = ByteBuffer.wrap(bytes);
        while (left.hasRemaining()) {
          channel.write(left);
        }
        channel.force(true);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
