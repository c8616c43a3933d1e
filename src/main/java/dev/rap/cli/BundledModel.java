package dev.rap.cli;

import dev.rap.AtomicFile;
import dev.rap.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * The small model that comes with RAP, its profile, and texts that it was not trained on.
 *
 * <p>Files of the jar are copied to a folder of the user before they are used, since models are
 * memory-mapped.
 */
final class BundledModel {
  /** The name of the model on the command line. */
  static final String NAME = "bundled";

  private static final Map<String, String> TEXTS =
      Map.of("bundled:calibration", "calibration.txt", "bundled:test", "test.txt");

  private BundledModel() {}

  /** {@return the text that {@code word} means, if it means one of the bundled ones} */
  static Optional<Path> text(String word, Models models) {
    return Optional.ofNullable(TEXTS.get(word)).map(file -> extract(file, models));
  }

  /** {@return the model, its profile beside it} */
  static Path model(Models models) {
    profile(models);
    return extract("bundled.gguf", models);
  }

  /** {@return the model's profile, with a trained agent} */
  static Path profile(Models models) {
    return extract("bundled.rap", models);
  }

  private static Path extract(String name, Models models) {
    Path target = models.folder().resolve(NAME).resolve(name);
    try (InputStream resource =
        BundledModel.class.getResourceAsStream("/dev/rap/bundled/" + name)) {
      if (resource == null) {
        throw new InputException(
            "this build lacks the bundled file %s: rebuild RAP, or name a model file"
                .formatted(name));
      }
      byte[] bytes = resource.readAllBytes();
      if (!isCopy(target, bytes)) {
        Files.createDirectories(target.getParent());
        AtomicFile.write(target, bytes);
      }
      return target;
    } catch (IOException e) {
      throw new InputException(
          "the bundled model cannot be copied to %s: %s; set XDG_DATA_HOME to a folder that can be written"
              .formatted(target, e.getMessage()),
          e);
    }
  }

  private static boolean isCopy(Path file, byte[] bytes) throws IOException {
    return Files.exists(file)
        && Files.size(file) == bytes.length
        && Arrays.equals(Files.readAllBytes(file), bytes);
  }
}
