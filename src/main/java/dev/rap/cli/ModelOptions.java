package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.LoadedModel;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** The model of a command, and what runs it. */
final class ModelOptions {
  @Parameters(
      paramLabel = "MODEL",
      description = "A GGUF file, a Hugging Face folder, a pulled model's name, or 'bundled'.")
  private String model;

  @Mixin private BackendOptions backend;

  /**
   * {@return the model, opened}
   *
   * @throws InputException if it cannot be
   */
  LoadedModel open(Console console) {
    return open(console, Optional.empty());
  }

  /**
   * {@return the model, opened}
   *
   * @param fit if present, chooses what is loaded if the GPU has no room for all
   * @throws InputException if it cannot be
   */
  LoadedModel open(Console console, Optional<ModelFit> fit) {
    Path path = Models.of(console.environment()).resolve(model);
    return LoadedModel.open(path, backend.loader(console, fit));
  }

  /** {@return the number of threads of the CPU's kernels} */
  int threads() {
    return backend.threads();
  }

  /** {@return the model as the user named it} */
  String name() {
    return model;
  }
}
