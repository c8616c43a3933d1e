package dev.rap.fuzz;

import java.io.IOException;
import java.nio.file.Path;

/**
 * What Jazzer calls. Its arguments are the name of a {@link FuzzTarget} and a folder for the files,
 * whose subfolder {@code seeds} is made and filled.
 */
public final class Fuzzing {
  private static FuzzTarget target;
  private static Path folder;

  private Fuzzing() {}

  /** Prepares for {@code args}. */
  public static void fuzzerInitialize(String[] args) throws IOException {
    target = FuzzTarget.valueOf(args[0]);
    folder = Path.of(args[1]);
    Seeds.surroundings(folder);
  }

  /** Reads a file of these bytes. */
  public static void fuzzerTestOneInput(byte[] bytes) {
    target.attempt(folder, bytes);
  }
}
