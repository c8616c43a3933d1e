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

  private final List<Normalizer> parts = new ArrayList<>();

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
