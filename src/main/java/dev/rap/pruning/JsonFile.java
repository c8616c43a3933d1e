package dev.rap.pruning;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.rap.AtomicFile;
import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * A file that holds one JSON object.
 *
 * @param what for people, such as {@code profile}
 * @param remedy what to do where it is damaged
 */
record JsonFile(String what, Path file, String remedy) {
  /** Far above what any model needs: a larger file is no such file. */
  private static final long MOST_BYTES = 256L << 20;

  private static final long MOST_TOKENS = 5_000_000;
  private static final int DEEPEST = 64;
  private static final int MOST_SHOWN = 200; // characters of Jackson's word, which may quote a key

  static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEEPEST)
                          .maxTokenCount(MOST_TOKENS)
                          .build())
                  .build())
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  /**
   * {@return what {@code form} makes of the file's object}
   *
   * @throws InputException if the file cannot be read, holds no JSON object, or {@code form}
   *     refuses it with an {@code IllegalArgumentException} that names the place
   */
  <T> T read(Function<JsonFields, T> form) {
    byte[] bytes = bytes();
    try {
      return form.apply(new JsonFields("", tree(bytes)));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s %s is damaged or no %s: %s; %s".formatted(what, file, what, e.getMessage(), remedy),
          e);
    }
  }

  private byte[] bytes() {
    try {
      if (Files.isDirectory(file)) {
        throw unreadable("it is a directory", null);
      }
      if (Files.size(file) > MOST_BYTES) {
        throw unreadable("it has more than %d MiB".formatted(MOST_BYTES >> 20), null);
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw unreadable("there is no such file", e);
    } catch (IOException e) {
      throw unreadable(String.valueOf(e.getMessage()), e);
    }
  }

  private InputException unreadable(String why, Throwable cause) {
    return new InputException("%s %s cannot be read: %s".formatted(what, file, why), cause);
  }

  private static JsonNode tree(byte[] bytes) {
    try {
      return MAPPER.readTree(bytes);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(oneLine(e), e);
    } catch (IOException e) {
      throw new IllegalArgumentException(String.valueOf(e.getMessage()), e);
    }
  }

  /** {@return Jackson's word and place, on one line} */
  static String oneLine(JacksonException e) {
    String all = String.valueOf(e.getOriginalMessage()).replaceAll("[\\s\\p{Cc}]+", " ");
    String word = all.length() > MOST_SHOWN ? all.substring(0, MOST_SHOWN) + "..." : all;
    return e.getLocation() == null
        ? word
        : "line %d, column %d: %s"
            .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr(), word);
  }

  /**
   * Writes the file whole, or not at all.
   *
   * @throws InputException if it cannot be written; nothing is left behind
   */
  void write(JsonNode tree) {
    try {
      AtomicFile.write(file, MAPPER.writeValueAsBytes(tree));
    } catch (IOException e) {
      String why = e instanceof NoSuchFileException ? "there is no such folder" : e.getMessage();
      throw new InputException("%s %s cannot be written: %s".formatted(what, file, why), e);
    }
  }
}
