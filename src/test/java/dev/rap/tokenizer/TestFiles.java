package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;

/** The files of this package's test resources. */
final class TestFiles {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private TestFiles() {}

  static JsonNode json(String name) {
    try (InputStream in = TestFiles.class.getResourceAsStream(name)) {
      assertNotNull(in, name);
      return MAPPER.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return the small tokenizer of this name} */
  static Tokenizer tokenizer(String name) {
    return tokenizer(json(name + ".tokenizer.json"));
  }

  static Tokenizer tokenizer(JsonNode json) {
    return tokenizer(json, JsonNodeFactory.instance.objectNode());
  }

  static Tokenizer tokenizer(JsonNode json, JsonNode config) {
    return new Tokenizer(
        JsonDefinition.read(
            "tokenizer.json",
            new JsonObject("tokenizer.json", json),
            List.of(new JsonObject("tokenizer_config.json", config)),
            List.of(),
            Optional.empty()));
  }
}
