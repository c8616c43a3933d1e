package dev.rap.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcuda.JCudaVersion;
import jcuda.LibUtils;

/**
 * Loads the native halves of JCuda, which travel in its jars.
 *
 * <p>JCuda lays them down in the directory for temporary files, under names that anyone can
 * foresee, and takes what already lies there. Here each process lays them down in a directory of
 * its own, which goes away as soon as they are loaded.
 */
final class JCudaLibraries {
  private static final String TEMPORARY = "java.io.tmpdir";

  private JCudaLibraries() {}

  /** A library could not be loaded. The message is a clause. */
  static final class NotLoadedException extends Exception {
    private static final long serialVersionUID = 1;

    NotLoadedException(String message) {
      super(message);
    }
  }

  /**
   * Loads a library; what it needs itself must be loaded already, or be where the system looks.
   *
   * @param name such as {@code JCudaDriver}
   * @param initialise makes JCuda initialise the class that loads the library
   * @throws NotLoadedException if there is none for this platform, or no directory to load it from
   */
  static synchronized void load(String name, Runnable initialise) throws NotLoadedException {
    String file =
        LibUtils.createLibraryFileName(
            LibUtils.createPlatformLibraryName(name + "-" + JCudaVersion.get()));
    byte[] library = resource(file);
    List<String> failures = new ArrayList<>();
    for (Path directory : directories()) {
      try {
        initialise(directory, file, library, initialise);
        return;
      } catch (IOException | IllegalArgumentException e) {
        failures.add("%s (%s)".formatted(directory, e.getMessage()));
      } catch (LinkageError e) {
        throw new NotLoadedException("JCuda does not load: " + e.getMessage());
      }
    }
    throw new NotLoadedException(
        "JCuda's library could not be loaded from " + String.join(" nor ", failures));
  }

  private static byte[] resource(String file) throws NotLoadedException {
    try (InputStream in = LibUtils.class.getResourceAsStream("/lib/" + file)) {
      if (in == null) {
        throw new NotLoadedException("this build lacks JCuda's " + file);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new NotLoadedException("JCuda's %s cannot be read: %s".formatted(file, e.getMessage()));
    }
  }

  private static List<Path> directories() {
    String cache = System.getenv("XDG_CACHE_HOME");
    return List.of(
        Path.of(System.getProperty(TEMPORARY)),
        cache != null && Path.of(cache).isAbsolute()
            ? Path.of(cache)
            : Path.of(System.getProperty("user.home"), ".cache"));
  }

  private static void initialise(Path directory, String file, byte[] library, Runnable initialise)
      throws IOException {
    Files.createDirectories(directory);
    Path own = Files.createTempDirectory(directory, "rap-jcuda");
    try {
      Path laidDown = Files.write(own.resolve(file), library);
      tryOut(laidDown);
      String temporary = System.setProperty(TEMPORARY, own.toString());
      try {
        initialise.run();
      } finally {
        System.setProperty(TEMPORARY, temporary);
      }
    } finally {
      Files.deleteIfExists(own.resolve(file));
      Files.delete(own);
    }
  }

  // A class whose initialisation failed cannot be initialised again: where the directory forbids
  // execution, this must be seen before.
  @SuppressWarnings("restricted") // JCuda's library, as it is in the jar
  private static void tryOut(Path library) {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(library, arena);
    }
  }
}
