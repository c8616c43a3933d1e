package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.List;
import java.util.StringJoiner;

/**
 * Brings a published model into the folder of models. A file is there under its own name only when
 * it is whole and its SHA-256 is right; until then it is called {@code *.part}.
 */
final class ModelDownload {
  private static final int CHUNK_BYTES = 1 << 20;

  private final Console console;
  private final Models models;
  private final List<ModelSource> sources;

  /**
   * @param sources in the order in which they are tried
   */
  ModelDownload(Console console, Models models, List<ModelSource> sources) {
    this.console = console;
    this.models = models;
    this.sources = List.copyOf(sources);
  }

  /**
   * A model that is on this machine now.
   *
   * @param file whole and checked
   * @param source where it came from
   */
  record Fetched(Path file, String source) {}

  /**
   * Fetches {@code model}, unless it is there.
   *
   * @throws InputException if no source has it for us, with each one's reason
   * @throws IOException if the folder cannot take it
   */
  Fetched fetch(PublishedModel model) throws IOException {
    Path file = models.fileOf(model);
    if (isWhole(file, model)) {
      return new Fetched(file, "already there");
    }
    try {
      Files.createDirectories(models.folder());
    } catch (IOException e) {
      throw new InputException(
          "the folder of models %s cannot be made: set XDG_DATA_HOME to a folder that can be written to"
              .formatted(models.folder()),
          e);
    }
    Path part = models.folder().resolve(model.fileName() + ".part");
    try (FileChannel channel =
            FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw new InputException(
            "another process is fetching %s at this moment: wait for it".formatted(model.name()));
      }
      // It may have come while we did not hold the lock.
      if (isWhole(file, model)) {
        return new Fetched(file, "already there");
      }
      return fetchLocked(model, part, file);
    } finally {
      if (Files.exists(part) && Files.size(part) == 0) {
        Files.delete(part);
      }
    }
  }

  private Fetched fetchLocked(PublishedModel model, Path part, Path file) throws IOException {
    requireSpace(model);
    StringJoiner reasons = new StringJoiner("; ");
    for (ModelSource source : sources) {
      try {
        source.fetch(model, part, console);
        accept(model, part, file);
        return new Fetched(file, source.name());
      } catch (InputException e) {
        reasons.add(source.name() + ": " + e.getMessage());
      }
    }
    throw new InputException(
        "%s could not be fetched (%s): mend one of these, or put the file with SHA-256 %s at %s"
            .formatted(model.name(), reasons, model.sha256(), file));
  }

  private void requireSpace(PublishedModel model) throws IOException {
    long needed = model.bytes() + model.packageBytes();
    long free = Files.getFileStore(models.folder()).getUsableSpace();
    if (free < needed) {
      throw new InputException(
          "%s needs %s on the disk of %s while it is fetched, %s are free: make room, or set XDG_DATA_HOME to another disk"
              .formatted(
                  model.name(),
                  Bytes.text(needed),
                  models.folder(),
                  Bytes.text(Math.max(0, free))));
    }
  }

  private static void accept(PublishedModel model, Path part, Path file) throws IOException {
    String found = sha256(part);
    if (!found.equals(model.sha256())) {
      Files.write(part, new byte[0]);
      throw new InputException(
          "the file it gave has SHA-256 %s instead of %s and was thrown away"
              .formatted(found, model.sha256()));
    }
    try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private boolean isWhole(Path file, PublishedModel model) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    if (Files.size(file) == model.bytes() && sha256(file).equals(model.sha256())) {
      return true;
    }
    console.err().println("rap: " + file + " is damaged and is fetched anew");
    return false;
  }

  /** {@return the SHA-256 of the bytes of {@code file}, hexadecimal} */
  static String sha256(Path file) throws IOException {
    MessageDigest digest = Sha256.begin();
    try (InputStream in = Files.newInputStream(file)) {
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        digest.update(chunk, 0, n);
      }
    }
    return Sha256.end(digest);
  }
}
