package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.Sha256;
import dev.rap.hub.DiskSpace;
import dev.rap.hub.PartFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.StringJoiner;

/**
 * Brings a published model into the folder of models. A file is there under its own name only when
 * it is whole and its SHA-256 is right.
 */
final class ModelDownload {
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
    try (PartFile part = PartFile.open(file)) {
      // It may have come while it was not ours.
      if (isWhole(file, model)) {
        return new Fetched(file, "already there");
      }
      return fetch(model, part, file);
    }
  }

  private Fetched fetch(PublishedModel model, PartFile part, Path file) throws IOException {
    DiskSpace.require(model.name(), models.folder(), model.bytes() + model.packageBytes());
    StringJoiner reasons = new StringJoiner("; ");
    for (ModelSource source : sources) {
      try {
        source.fetch(model, part, console);
        return new Fetched(file, source.name());
      } catch (InputException e) {
        reasons.add(source.name() + ": " + e.getMessage());
      }
    }
    throw new InputException(
        "%s could not be fetched (%s): mend one of these, or put the file with SHA-256 %s at %s"
            .formatted(model.name(), reasons, model.sha256(), file));
  }

  private boolean isWhole(Path file, PublishedModel model) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    if (Files.size(file) == model.bytes() && Sha256.of(file).equals(model.sha256())) {
      return true;
    }
    console.err().println("rap: " + file + " is damaged and is fetched anew");
    return false;
  }
}
