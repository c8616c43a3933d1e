package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.regex.Regex;
import dev.rap.tokenizer.Metaspace.Prepend;
import dev.rap.tokenizer.Split.Behavior;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads {@code pre_tokenizer} of a tokenizer.json. */
final class JsonPreTokenizer {
  /** The most parts in a row; real tokenizers have at most five. */
  private static final int MOST_PARTS = 32;

  private static final String SUPPORTED =
      "ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Split, Whitespace, WhitespaceSplit, and Sequences of them";

  private final List<PreTokenizer> parts = new ArrayList<>();

  private JsonPreTokenizer() {}

  /**
   * What a file says.
   *
   * @param parts applied in order
   * @param bytes whether the last of them leaves it to the encoder to read bytes
   */
  record Found(List<PreTokenizer> parts, boolean bytes) {}

  /**
   * {@return the parts of the pre-tokenizer that {@code json} describes}
   *
   * @param byteEncoder whether the encoder can read bytes
   * @throws InputException if it is damaged or not supported
   */
  static Found read(Optional<JsonObject> json, boolean byteEncoder) {
    JsonPreTokenizer reader = new JsonPreTokenizer();
    json.ifPresent(reader::add);
    List<PreTokenizer> parts = reader.parts;
    if (byteEncoder && !parts.isEmpty() && parts.getLast() instanceof ByteLevel last) {
      parts.set(parts.size() - 1, new ByteLevel(last.prefixSpace(), last.cuts(), false));
      return new Found(parts, true);
    }
    return new Found(parts, false);
  }

  private void add(JsonObject json) {
    String type = json.requireText("type");
    if (parts.size() == MOST_PARTS) {
      throw json.unsupported(type, "at most %d parts in a row".formatted(MOST_PARTS));
    }
    switch (type) {
      case "Sequence" -> json.objects("pretokenizers").forEach(this::add);
      case "ByteLevel" ->
          parts.add(
              new ByteLevel(
                  json.flag("add_prefix_space", true), json.flag("use_regex", true), true));
      case "Split" -> parts.add(split(json));
      case "Digits" ->
          parts.add(
              new Split(
                  Regex.oneOf(UnicodeVersions::isNumber),
                  json.flag("individual_digits", false) ? Behavior.ISOLATED : Behavior.CONTIGUOUS));
      case "Punctuation" ->
          parts.add(
              new Split(Regex.oneOf(UnicodeVersions::isPunctuation), behavior(json, "Isolated")));
      case "Whitespace" -> parts.add(words());
      case "WhitespaceSplit" ->
          parts.add(new Split(Regex.oneOf(UnicodeVersions::isSpace), Behavior.REMOVED));
      case "CharDelimiterSplit" ->
          parts.add(new Split(Regex.literal(json.requireCharacter("delimiter")), Behavior.REMOVED));
      case "Metaspace" -> parts.add(metaspace(json));
      default -> throw json.unsupported(type, SUPPORTED);
    }
  }

  // \w+|[^\w\s]+ as the Rust crate regex reads it: not quite Oniguruma's \w.
  private static Split words() {
    String word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D";
    return new Split(Regex.of("[%s]+|[^%s\\s]+".formatted(word, word)), Behavior.REMOVED, true);
  }

  private static Split split(JsonObject json) {
    return new Split(
        JsonNormalizer.regex(json.requireObject("pattern")),
        behavior(json, null),
        json.flag("invert", false));
  }

  private static Behavior behavior(JsonObject json, String otherwise) {
    String behavior =
        otherwise == null ? json.requireText("behavior") : json.text("behavior").orElse(otherwise);
    return switch (behavior) {
      case "Removed" -> Behavior.REMOVED;
      case "Isolated" -> Behavior.ISOLATED;
      case "MergedWithPrevious" -> Behavior.MERGED_WITH_PREVIOUS;
      case "MergedWithNext" -> Behavior.MERGED_WITH_NEXT;
      case "Contiguous" -> Behavior.CONTIGUOUS;
      default ->
          throw json.unsupported(
              behavior, "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
    };
  }

  private static Metaspace metaspace(JsonObject json) {
    return new Metaspace(replacement(json), prepend(json), json.flag("split", true));
  }

  /** {@return what a Metaspace writes for a space, which decoders ask too} */
  static char replacement(JsonObject json) {
    String replacement = json.requireCharacter("replacement");
    if (replacement.length() > 1) {
      throw json.unsupported(replacement, "a replacement below U+10000");
    }
    return replacement.charAt(0);
  }

  /** {@return where a Metaspace puts it; files of old say add_prefix_space} */
  static Prepend prepend(JsonObject json) {
    String scheme =
        json.text("prepend_scheme")
            .orElse(json.flag("add_prefix_space", true) ? "always" : "never");
    return switch (scheme) {
      case "always" -> Prepend.ALWAYS;
      case "first" -> Prepend.FIRST;
      case "never" -> Prepend.NEVER;
      default -> throw json.unsupported(scheme, "always, first, never");
    };
  }
}
