package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.rap.InputException;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
    String source = folder.path().resolve("tokenizer.json").toString();
    JsonObject tokenizer =
        folder
            .tokenizer()
            .map(json -> new JsonObject(source, json))
            .orElseThrow(
                () ->
                    new InputException(
                        "%s is missing: fetch the model's tokenizer.json, too; other tokenizer files are not supported"
                            .formatted(source)));
    JsonObject config =
        new JsonObject(
            folder.path().resolve("tokenizer_config.json").toString(),
            folder.tokenizerConfig().orElseGet(JsonNodeFactory.instance::objectNode));
    List<JsonObject> models = new ArrayList<>();
    folder
        .generationConfig()
        .map(
            json ->
                new JsonObject(folder.path().resolve("generation_config.json").toString(), json))
        .ifPresent(models::add);
    models.add(new JsonObject(folder.path().resolve("config.json").toString(), folder.config()));
    return JsonDefinition.read(source, tokenizer, config, models, chatTemplate(folder.path()));
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
