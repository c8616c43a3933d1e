package dev.rap.hub;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Models of the hub that are on this machine. */
public final class LocalFiles {
  private LocalFiles() {}

  /**
   * {@return the GGUF file or the folder of {@code model}; empty if nothing of it is here}
   *
   * @param models the folder of models
   * @throws InputException if it is not whole, or it is not clear which is meant
   */
  public static Optional<Path> find(Path models, HubModel model) {
    Path folder = models.resolve(model.folderName());
    List<String> files = list(folder);
    if (files.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        folder.resolve(FileChoice.of(folder.toString(), files, model.choice()).entry()));
  }

  private static List<String> list(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString().replace('\\', '/'))
          .filter(name -> !PartFile.isOwn(name))
          .toList();
    } catch (IOException e) {
      throw new InputException("%s cannot be read".formatted(folder), e);
    }
  }
}
