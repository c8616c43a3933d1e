package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads {@code pre_tokenizer} of a tokenizer.json: Split and Digits in any order, ByteLevel last.
 *
 * <p>Regular expressions are known by their text, since each is a scanner of its own.
 */
final class JsonPreTokenizer {
  private static final String LATER =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|%s"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final Map<String, Split> PATTERNS =
      Map.of(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          Split.GPT2,
          LATER.formatted("\\p{N}{1,3}"),
          Split.LLAMA3,
          LATER.formatted("\\p{N}"),
          Split.QWEN2);

  private final List<Split> cuts = new ArrayList<>();
  private Optional<PreTokenizer> done = Optional.empty();

  private JsonPreTokenizer() {}

  /**
   * {@return the pre-tokenizer that {@code json} describes}
   *
   * @throws InputException if it is damaged or not supported
   */
  static PreTokenizer read(JsonObject json) {
    JsonPreTokenizer reader = new JsonPreTokenizer();
    reader.add(json);
    return reader.done.orElseThrow(
        () ->
            json.unsupported(
                json.requireText("type"), "a ByteLevel, or a Sequence that ends in one"));
  }

  private void add(JsonObject json) {
    String type = json.requireText("type");
    if (done.isPresent() || cuts.size() == PreTokenizer.MOST_CUTS) {
      throw json.unsupported(
          type, "at most %d Splits and Digits, then a ByteLevel".formatted(PreTokenizer.MOST_CUTS));
    }
    switch (type) {
      case "Sequence" -> json.objects("pretokenizers").forEach(this::add);
      case "Split" -> cuts.add(split(json));
      case "Digits" ->
          cuts.add(json.flag("individual_digits", false) ? Split.DIGITS : Split.DIGIT_RUNS);
      case "ByteLevel" -> done = Optional.of(byteLevel(json));
      default -> throw json.unsupported(type, "ByteLevel, Digits, Split, and Sequences of them");
    }
  }

  private static Split split(JsonObject json) {
    String pattern = json.requireObject("pattern").requireText("Regex");
    String behavior = json.requireText("behavior");
    boolean invert = json.flag("invert", false);
    // The expressions match every character, so these two say the same: the matches are the pieces.
    if (!behavior.equals(invert ? "Removed" : "Isolated")) {
      throw json.unsupported(behavior, "Isolated");
    }
    Split split = PATTERNS.get(pattern);
    if (split == null) {
      throw json.unsupported(pattern, "the expressions of GPT-2, Llama 3 and Qwen2");
    }
    return split;
  }

  private PreTokenizer byteLevel(JsonObject json) {
    return new PreTokenizer(
        cuts,
        json.flag("add_prefix_space", true),
        json.flag("use_regex", true) ? Optional.of(Split.GPT2) : Optional.empty());
  }
}
