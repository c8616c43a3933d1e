package dev.rap.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.InputException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Reads JSON that is not trusted. */
final class JsonFile {
  // The largest tokenizer.json known takes 35 MB and 2.6 million tokens.
  private static final int MOST_BYTES = 1 << 26;
  private static final long MOST_TOKENS = 5_000_000;
  private static final int DEEPEST = 64;

  /** Refuses repeated keys, deep nesting and floods of tokens. */
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(DEEPEST)
                  .maxTokenCount(MOST_TOKENS)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // A vocabulary's keys are not worth a symbol table, and may be made to collide in it.
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private static final ObjectMapper MAPPER =
      new ObjectMapper(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private JsonFile() {}

  /** {@return the object in {@code file}; empty if there is no such file} */
  static Optional<JsonNode> find(Path file) {
    return bytes(file).map(bytes -> parse(file, bytes));
  }

  /** {@return the bytes of {@code file}; empty if there is no such file} */
  static Optional<byte[]> bytes(Path file) {
    if (Files.notExists(file)) {
      return Optional.empty();
    }
    MappedFile.requireFile(file);
    try {
      long byteSize = Files.size(file);
      if (byteSize > MOST_BYTES) {
        throw new InputException(
            "%s: has %d bytes, expected JSON of at most %d: fetch it again"
                .formatted(file, byteSize, MOST_BYTES));
      }
      return Optional.of(Files.readAllBytes(file));
    } catch (IOException e) {
      throw MappedFile.unreadable(file, e);
    }
  }

  static InputException malformed(Path file, JacksonException cause) {
    if (cause instanceof StreamConstraintsException) {
      return new InputException(
          "%s: is JSON nested deeper than %d, with more than %d values, or with longer ones than any model needs: fetch it again"
              .formatted(file, DEEPEST, MOST_TOKENS),
          cause);
    }
    JsonLocation place = cause.getLocation();
    return new InputException(
        "%s: is not the JSON expected at line %d, column %d: the file is damaged or cut short, fetch it again"
            .formatted(file, place.getLineNr(), place.getColumnNr()),
        cause);
  }

  private static JsonNode parse(Path file, byte[] bytes) {
    MappedFile.requireNoPointer(file, MemorySegment.ofArray(bytes));
    try {
      JsonNode node = MAPPER.readTree(bytes);
      if (!node.isObject()) {
        throw new InputException(
            "%s: holds JSON of type %s, expected an object: fetch it again"
                .formatted(file, node.getNodeType()));
      }
      return node;
    } catch (JacksonException e) {
      throw malformed(file, e);
    } catch (IOException e) {
      throw MappedFile.unreadable(file, e);
    }
  }
}
