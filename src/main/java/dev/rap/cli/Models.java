package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.hub.HubModel;
import dev.rap.hub.LocalFiles;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The models of this user, and which of them a word on the command line means.
 *
 * @param folder where pulled models lie; need not exist yet
 */
record Models(Path folder) {

  /** {@return the models of the user whose variables are {@code environment}} */
  static Models of(Map<String, String> environment) {
    return new Models(
        absolute(environment.get("XDG_DATA_HOME"))
            .orElseGet(() -> home(environment).resolve(".local").resolve("share"))
            .resolve("rap")
            .resolve("models"));
  }

  // The XDG Base Directory Specification: a relative path is invalid and to be ignored.
  private static Optional<Path> absolute(String path) {
    return Optional.ofNullable(path).map(Path::of).filter(Path::isAbsolute);
  }

  private static Path home(Map<String, String> environment) {
    return absolute(environment.get("HOME"))
        .orElseThrow(
            () ->
                new InputException(
                    "HOME is not set, so there is no folder for models: set it, or XDG_DATA_HOME"));
  }

  /** {@return where {@code model} lies once it has been pulled} */
  Path fileOf(PublishedModel model) {
    return folder.resolve(model.fileName());
  }

  /**
   * {@return the file or folder that {@code word} means: a path that exists, the bundled model, or
   * a pulled one}
   *
   * @throws InputException if it means neither
   */
  Path resolve(String word) {
    if (word.equals(BundledModel.NAME)) {
      return BundledModel.model(this);
    }
    Path path = pathOf(word);
    if (Files.exists(path)) {
      return path;
    }
    Optional<PublishedModel> published = PublishedModel.find(word);
    if (published.isPresent()) {
      Path pulled = fileOf(published.get());
      return Optional.of(pulled)
          .filter(Files::exists)
          .orElseThrow(() -> notHere(published.get().name()));
    }
    return HubModel.find(word)
        .filter(_ -> !word.matches("(?i)[^:]*\\.(gguf|safetensors)")) // a path with a typing error
        .map(model -> LocalFiles.find(folder, model).orElseThrow(() -> notHere(word)))
        .orElseThrow(
            () ->
                new InputException(
                    "there is no model '%s': MODEL is a GGUF file, a Hugging Face folder, '%s', one of %s, or OWNER/NAME of the hub"
                        .formatted(word, BundledModel.NAME, PublishedModel.names())));
  }

  private static InputException notHere(String model) {
    return new InputException(
        "%s is not on this machine yet, './rap pull %s' fetches it".formatted(model, model));
  }

  private static Path pathOf(String word) {
    try {
      return Path.of(word);
    } catch (InvalidPathException e) {
      throw new InputException("'%s' is not the name of a file".formatted(word), e);
    }
  }
}
