package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads {@code decoder} of a tokenizer.json. */
final class JsonDecoder {
  private static final int MOST_STRIPPED = 1 << 16;
  private static final String SUPPORTED =
      "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip, and Sequences of them";

  private final List<DecoderStep> steps = new ArrayList<>();
  private long growth = 1; // how many times as long the Replaces make a text at most
  private boolean fused; // whether what comes is parts of one text

  private JsonDecoder() {}

  /**
   * {@return the decoder that {@code json} describes}
   *
   * @throws InputException if it is damaged or not supported
   */
  static Optional<Decoder> read(Optional<JsonObject> json) {
    return json.map(
        found -> {
          JsonDecoder reader = new JsonDecoder();
          reader.add(found);
          return new Decoder(reader.steps);
        });
  }

  private void add(JsonObject json) {
    String type = json.requireText("type");
    switch (type) {
      case "Sequence" -> json.objects("decoders").forEach(this::add);
      case "ByteLevel" -> {
        steps.add(new DecoderStep.Alphabet());
        fused = true;
      }
      case "ByteFallback" -> steps.add(new DecoderStep.Bytes());
      case "Fuse" -> fused = true;
      case "Metaspace" ->
          steps.add(
              new DecoderStep.Spaces(
                  JsonPreTokenizer.replacement(json), JsonPreTokenizer.prepend(json)));
      case "Replace" -> steps.add(replace(json));
      case "Strip" -> steps.add(strip(json));
      default -> throw json.unsupported(type, SUPPORTED);
    }
  }

  private DecoderStep replace(JsonObject json) {
    if (fused && json.requireObject("pattern").text("String").orElse("").length() != 1) {
      throw json.unsupported("a Replace of more than one character behind Fuse", "it before Fuse");
    }
    growth *= JsonNormalizer.growth(json);
    if (growth > JsonNormalizer.MOST_GROWTH) {
      throw json.unsupported(
          "one Replace more",
          "those that make no text more than %d times as long"
              .formatted(JsonNormalizer.MOST_GROWTH));
    }
    return new DecoderStep.Each(JsonNormalizer.replace(json));
  }

  private DecoderStep strip(JsonObject json) {
    String content = json.requireCharacter("content");
    if (content.length() > 1) {
      throw json.unsupported(content, "a content below U+10000");
    }
    int start = json.requireInteger("start", MOST_STRIPPED);
    int stop = json.requireInteger("stop", MOST_STRIPPED);
    if (!fused) {
      return new DecoderStep.StripEach(content.charAt(0), start, stop);
    }
    if (stop > 0) {
      throw json.unsupported("a stop behind Fuse", "0");
    }
    return new DecoderStep.StripAll(content.charAt(0), start);
  }
}
