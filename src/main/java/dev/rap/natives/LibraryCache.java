package dev.rap.natives;

import dev.rap.AtomicFile;
import dev.rap.Sha256;
import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Directories of the user's own in which libraries are laid down to be loaded.
 *
 * <p>A file's name contains its SHA-256, and its bytes are compared with it before each use: one
 * that was cut short or changed is written anew. Files appear whole or not at all, so that several
 * processes may start at once.
 *
 * @param directories in order of preference; those that cannot be used are passed over
 */
record LibraryCache(List<Path> directories) {
  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");

  // What glibc says where a library needs another: FILE: OTHER: cannot open ...
  private static final Pattern MISSING =
      Pattern.compile(": (\\S+): cannot open shared object file");

  /** {@return the user's cache directory, then one below the directory for temporary files} */
  static LibraryCache standard() {
    List<Path> directories = new ArrayList<>();
    String cache = System.getenv("XDG_CACHE_HOME");
    if (cache != null && Path.of(cache).isAbsolute()) {
      directories.add(Path.of(cache, "rap"));
    } else {
      directories.add(Path.of(System.getProperty("user.home"), ".cache", "rap"));
    }
    directories.add(
        Path.of(System.getProperty("java.io.tmpdir"), "rap-" + System.getProperty("user.name")));
    return new LibraryCache(directories);
  }

  /**
   * Loads {@code library} from the first directory that lets it.
   *
   * @param stem how the file's name begins
   * @param link throws {@link UnsatisfiedLinkError} if the file cannot be loaded
   */
  NativeLibrary.Outcome load(String stem, byte[] library, Function<Path, SymbolLookup> link) {
    String sha256 = Sha256.of(library);
    List<String> failures = new ArrayList<>();
    for (Path directory : directories) {
      try {
        Path file = layDown(directory, stem + "-" + sha256 + ".so", library, sha256);
        return new NativeLibrary.Loaded(file, sha256, link.apply(file));
      } catch (IOException | UnsatisfiedLinkError e) {
        Matcher missing = MISSING.matcher(String.valueOf(e.getMessage()));
        if (missing.find()) {
          return needs(stem, missing.group(1));
        }
        failures.add(
            "%s (%s: %s)".formatted(directory, e.getClass().getSimpleName(), e.getMessage()));
      }
    }
    return new NativeLibrary.Unavailable(
        "the native library could not be loaded from " + String.join(" nor ", failures),
        "set XDG_CACHE_HOME to a directory that can be written and that is not mounted noexec");
  }

  // Another directory would not help.
  private static NativeLibrary.Unavailable needs(String stem, String missing) {
    return new NativeLibrary.Unavailable(
        "%s.so needs %s, which is not installed".formatted(stem, missing),
        switch (missing) {
          case "libcuda.so.1" -> "install the NVIDIA driver";
          case "libcublas.so.12" -> "install cuBLAS 12 or 13";
          default -> "install it";
        });
  }

  private static Path layDown(Path directory, String name, byte[] library, String sha256)
      throws IOException {
    createPrivate(directory);
    Path file = directory.resolve(name);
    if (holds(file, sha256)) {
      return file;
    }
    AtomicFile.write(file, library);
    if (!holds(file, sha256)) {
      throw new IOException("what was written reads back differently");
    }
    return file;
  }

  private static void createPrivate(Path directory) throws IOException {
    Path parent = directory.getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(PRIVATE));
    }
    // Someone else's directory in a shared place could exchange the file after it was compared.
    if (!Files.getOwner(directory).equals(Files.getOwner(currentProcess()))) {
      throw new IOException("it belongs to another user");
    }
    if (!Files.getPosixFilePermissions(directory).equals(PRIVATE)) {
      Files.setPosixFilePermissions(directory, PRIVATE);
    }
  }

  private static Path currentProcess() {
    return Path.of("/proc/self");
  }

  private static boolean holds(Path file, String sha256) throws IOException {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        && Sha256.of(Files.readAllBytes(file)).equals(sha256);
  }
}
