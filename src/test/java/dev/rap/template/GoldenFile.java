package dev.rap.template;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;

/** What {@code scripts/golden-templates.py} reads and writes. */
final class GoldenFile {
  /** The script's now. */
  static final Clock NOW =
      Clock.fixed(
          LocalDateTime.of(2024, 7, 6, 5, 4, 3, 20_100_000).toInstant(ZoneOffset.UTC),
          ZoneOffset.UTC);

  private GoldenFile() {}

  static JsonNode read(String name) {
    try {
      return new ObjectMapper().readTree(text(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String text(String name) {
    try (InputStream in = GoldenFile.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Map<String, JsonNode> variables(JsonNode object) {
    Map<String, JsonNode> variables = new LinkedHashMap<>();
    object.properties().forEach(entry -> variables.put(entry.getKey(), entry.getValue()));
    return variables;
  }

  /** {@return the output, or {@code ERROR} and the message} */
  static String renderedOrError(String template, Map<String, ?> variables) {
    try {
      return Template.of(template).render(variables, Limits.DEFAULT, NOW);
    } catch (TemplateException e) {
      return "ERROR " + e.getMessage();
    }
  }
}
