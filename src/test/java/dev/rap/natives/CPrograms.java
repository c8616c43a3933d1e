package dev.rap.natives;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Compiles and runs small programs in C. */
final class CPrograms {
  private static final String[] STRICT = {"-Wall", "-Wextra", "-Wpedantic", "-Werror"};

  private CPrograms() {}

  /** What came of a run; {@code out} has standard error too. */
  record Run(int exitCode, String out) {}

  /** Skips the test where {@code tool} is not on PATH. */
  static void need(String tool) {
    boolean found = false;
    for (String folder : System.getenv("PATH").split(File.pathSeparator, -1)) {
      found |= Files.isExecutable(Path.of(folder, tool));
    }
    assumeTrue(found, tool + " was not found");
  }

  /** Runs {@code compiler} with every warning an error. */
  static void compile(String compiler, String... arguments)
      throws IOException, InterruptedException {
    need(compiler);
    List<String> command = new ArrayList<>(List.of(compiler));
    command.addAll(List.of(STRICT));
    command.addAll(List.of(arguments));
    assertEquals(new Run(0, ""), run(command));
  }

  static Run run(List<String> command) throws IOException, InterruptedException {
    return run(new ProcessBuilder(command));
  }

  static Run run(ProcessBuilder builder) throws IOException, InterruptedException {
    Process process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Run(process.waitFor(), out);
  }

  /** {@return where {@code library} was laid down; skips the test where the build left it out} */
  static Path path(OwnLibrary library) {
    return switch (NativeLibrary.own(library)) {
      case NativeLibrary.Loaded loaded -> loaded.path();
      case NativeLibrary.Unavailable none -> {
        assumeTrue(false, none.reason());
        throw new AssertionError("the assumption did not end the test");
      }
    };
  }
}
