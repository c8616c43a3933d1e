package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Reads the tokenizer of a Hugging Face folder. */
final class JsonFolder {
  private static final int MOST_TEMPLATE_BYTES = 1 << 20;

  private JsonFolder() {}

  /**
   * {@return the tokenizer of {@code folder}}
   *
   * @throws InputException if it has none, or one that is damaged or not supported
   */
  static TokenizerDefinition read(HuggingFaceCheckpoint folder) {
    JsonObject tokenizer =
        object(folder, "tokenizer.json")
            .orElseThrow(
                () ->
                    new InputException(
                        "%s is missing: fetch the model's tokenizer.json, too; other tokenizer files are not supported"
                            .formatted(folder.path().resolve("tokenizer.json"))));
    // Where transformers saved tokens, and processors of text and images a template, before 2025.
    List<JsonObject> configs =
        objects(folder, "tokenizer_config.json", "special_tokens_map.json", "chat_template.json");
    List<JsonObject> models = new ArrayList<>(objects(folder, "generation_config.json"));
    models.add(new JsonObject(folder.path().resolve("config.json").toString(), folder.config()));
    return JsonDefinition.read(
        tokenizer.where(), tokenizer, configs, models, chatTemplate(folder.path()));
  }

  private static List<JsonObject> objects(HuggingFaceCheckpoint folder, String... names) {
    return Stream.of(names).flatMap(name -> object(folder, name).stream()).toList();
  }

  private static Optional<JsonObject> object(HuggingFaceCheckpoint folder, String name) {
    String where = folder.path().resolve(name).toString();
    return folder.json(name).map(json -> new JsonObject(where, json));
  }

  // Where transformers saves it since 2025.
  private static Optional<String> chatTemplate(Path folder) {
    Path file = folder.resolve("chat_template.jinja");
    if (Files.notExists(file)) {
      return Optional.empty();
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "%s is not a plain file: copy the template into one".formatted(file));
    }
    try {
      if (Files.size(file) > MOST_TEMPLATE_BYTES) {
        throw new InputException(
            "%s has %d bytes, expected a template of at most %d: fetch it again"
                .formatted(file, Files.size(file), MOST_TEMPLATE_BYTES));
      }
      return Optional.of(Files.readString(file));
    } catch (IOException e) {
      throw new InputException("%s cannot be read as UTF-8: fetch it again".formatted(file), e);
    }
  }
}
