package dev.rap.checkpoint;

import dev.rap.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.function.Function;

/** Maps files, and says in one sentence why one cannot be. */
final class MappedFile {
  private MappedFile() {}

  /** {@return what {@code opener} makes with a new arena, which is closed again if it throws} */
  @SuppressWarnings("MustBeClosedChecker") // the checkpoint that is opened closes it
  static <T> T keepingArena(Function<Arena, T> opener) {
    Arena arena = Arena.ofShared();
    boolean opened = false;
    try {
      T checkpoint = opener.apply(arena);
      opened = true;
      return checkpoint;
    } finally {
      if (!opened) {
        arena.close();
      }
    }
  }

  /** {@return all bytes of {@code file}, read-only, while {@code arena} lives} */
  static MemorySegment map(Path file, Arena arena) {
    requireFile(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long byteSize = channel.size();
      if (byteSize == 0) {
        throw new InputException(file + ": is empty, expected a model: fetch it again");
      }
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, byteSize, arena);
      requireNoPointer(file, bytes);
      return bytes;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Refuses what is absent or no plain file; opening a pipe would wait for ever. */
  static void requireFile(Path file) {
    try {
      BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
      if (found.isDirectory()) {
        throw new InputException(file + ": is a directory, expected a file: name a file in it");
      }
      if (!found.isRegularFile()) {
        throw new InputException(
            file + ": is a device, pipe or socket, expected a plain file: copy it into one");
      }
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file: check the path", e);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Refuses what Git leaves in the place of large files. */
  static void requireNoPointer(Path file, MemorySegment bytes) {
    byte[] start = "version https://git-lfs".getBytes(StandardCharsets.US_ASCII);
    MemorySegment pointer = MemorySegment.ofArray(start);
    if (bytes.byteSize() > start.length && bytes.asSlice(0, start.length).mismatch(pointer) < 0) {
      throw new InputException(
          file + ": is a Git LFS pointer, not the file itself: run \"git lfs pull\" in its folder");
    }
  }

  static InputException unreadable(Path file, IOException cause) {
    String why =
        cause instanceof AccessDeniedException
            ? "permission is denied: check its owner and mode"
            : "%s: check the disk and the path".formatted(cause.getMessage());
    return new InputException("%s: cannot be read, %s".formatted(file, why), cause);
  }
}
