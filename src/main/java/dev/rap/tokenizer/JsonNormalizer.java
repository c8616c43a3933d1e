package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.regex.Regex;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** Reads {@code normalizer} of a tokenizer.json. */
final class JsonNormalizer {
  private static final String SUPPORTED =
      "NFC, NFD, NFKC, NFKD, Lowercase, Nmt, Precompiled, Prepend, Replace, Strip, StripAccents, ByteLevel, and Sequences of them";

  /** The most parts in a row; real tokenizers have at most six. */
  private static final int MOST_PARTS = 32;

  /** How many times as long all parts together may make a text; NFKC alone may 18 times. */
  static final long MOST_GROWTH = 1 << 16;

  private final List<Normalizer> parts = new ArrayList<>();
  private long growth = 1;

  private JsonNormalizer() {}

  /**
   * {@return the normalizer that {@code json} describes}
   *
   * @throws InputException if it is damaged or not supported
   */
  static Normalizer read(Optional<JsonObject> json) {
    JsonNormalizer reader = new JsonNormalizer();
    json.ifPresent(reader::add);
    return Normalizer.chain(reader.parts);
  }

  private void add(JsonObject json) {
    String type = json.requireText("type");
    growth *= growth(type, json);
    if (parts.size() == MOST_PARTS || growth > MOST_GROWTH) {
      throw json.unsupported(
          "one part more of a Sequence",
          "%d parts, which make no text more than %d times as long"
              .formatted(MOST_PARTS, MOST_GROWTH));
    }
    switch (type) {
      case "Sequence" -> json.objects("normalizers").forEach(this::add);
      case "NFC", "NFD", "NFKC", "NFKD" -> parts.add(Normalizers.form(Form.valueOf(type)));
      case "Lowercase" -> parts.add(Normalizers.lowercase());
      case "StripAccents" -> parts.add(Normalizers.stripAccents());
      case "Nmt" -> parts.add(Normalizers.nmt());
      case "Strip" ->
          parts.add(
              Normalizers.strip(json.flag("strip_left", true), json.flag("strip_right", true)));
      case "Prepend" -> parts.add(Normalizers.prepend(json.requireWellFormed("prepend")));
      case "Replace" -> parts.add(replace(json));
      case "Precompiled" ->
          json.text("precompiled_charsmap").ifPresent(map -> precompiled(json, map));
      case "ByteLevel" -> parts.add(ByteLevel::written);
      default -> throw json.unsupported(type, SUPPORTED);
    }
  }

  // How many times as long a part makes a text at most.
  private static long growth(String type, JsonObject json) {
    return switch (type) {
      case "NFC", "NFD" -> 4;
      case "NFKC", "NFKD" -> 18;
      case "Precompiled" -> CharsMap.LONGEST_REPLACEMENT;
      case "Lowercase" -> 2;
      case "ByteLevel" -> 3;
      case "Prepend" -> 1L + json.requireText("prepend").length();
      case "Replace" -> growth(json);
      default -> 1;
    };
  }

  /** {@return how many times as long a Replace makes a text at most} */
  static long growth(JsonObject json) {
    int literal = json.requireObject("pattern").text("String").orElse("").length();
    int content = json.requireText("content").length();
    return literal == 0 ? 1L + content : Math.max(1, Math.ceilDiv(content, literal));
  }

  /** {@return a Replace, which decoders have too} */
  static Normalizer replace(JsonObject json) {
    JsonObject pattern = json.requireObject("pattern");
    String content = json.requireWellFormed("content");
    Optional<String> literal = pattern.text("String");
    return literal.isPresent()
        ? Normalizers.replace(WellFormed.of(literal.get()), content)
        : Normalizers.replace(regex(pattern), content);
  }

  /** {@return the expression of a pattern: a String as it stands, or a Regex} */
  static Regex regex(JsonObject pattern) {
    Optional<String> literal = pattern.text("String");
    try {
      return literal.isPresent()
          ? Regex.literal(WellFormed.of(literal.get()))
          : Regex.of(pattern.requireText("Regex"));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s cannot be used, because %s: use a tokenizer without it"
              .formatted(pattern.where(), e.getMessage()),
          e);
    }
  }

  private void precompiled(JsonObject json, String map) {
    try {
      parts.add(new CharsMap(Base64.getDecoder().decode(map)));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s.precompiled_charsmap %s: fetch the file again"
              .formatted(json.where(), e.getMessage().replaceAll("\\R", " ")),
          e);
    }
  }
}
