package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.ModelFile;
import dev.rap.pruning.Profile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Where a model's profile lies. */
final class ProfileOptions {
  @Option(
      names = "--profile",
      paramLabel = "FILE",
      description = "The model's profile. Default: beside the model, as MODEL.rap.")
  private Path file;

  /** {@return the file that the profile is read from and written to} */
  Path file(ModelFile model) {
    if (file != null) {
      return file;
    }
    String name = model.path().getFileName().toString().replaceFirst("\\.gguf$", "");
    return model.path().toAbsolutePath().resolveSibling(name + ".rap");
  }

  /**
   * {@return the profile, if there is one}
   *
   * @throws InputException if it is damaged, or another model's, or was named and is not there
   */
  Optional<Profile> find(ModelFile model) {
    Path path = file(model);
    if (file == null && !Files.exists(path)) {
      return Optional.empty();
    }
    Profile profile = Profile.read(path);
    profile.requireFor(model.fingerprint(), model.config());
    return Optional.of(profile);
  }

  /**
   * {@return the profile}
   *
   * @throws InputException if there is none for this model
   */
  Profile require(ModelFile model) {
    return find(model)
        .orElseThrow(
            () ->
                new InputException(
                    "there is no profile %s: make one with './rap calibrate'"
                        .formatted(file(model))));
  }
}
