package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads {@code post_processor} of a tokenizer.json: which token comes before a text.
 *
 * @param prefix the text of that token, if there is one
 */
record JsonPostProcessor(Optional<String> prefix) {
  /**
   * {@return what {@code json} describes}
   *
   * @throws InputException if it is damaged, or does more than to put one token before the text
   */
  static JsonPostProcessor read(Optional<JsonObject> json) {
    List<String> prefixes = new ArrayList<>();
    json.ifPresent(processor -> add(processor, prefixes));
    if (prefixes.size() > 1) {
      throw json.orElseThrow().unsupported(String.join("", prefixes), "one token before a text");
    }
    return new JsonPostProcessor(prefixes.stream().findFirst());
  }

  private static void add(JsonObject json, List<String> prefixes) {
    String type = json.requireText("type");
    switch (type) {
      case "ByteLevel" -> {} // changes offsets only
      case "Sequence" -> json.objects("processors").forEach(part -> add(part, prefixes));
      case "TemplateProcessing" -> addTemplate(json, prefixes);
      default ->
          throw json.unsupported(type, "ByteLevel, TemplateProcessing, and Sequences of them");
    }
  }

  // "single" is a list of {"SpecialToken": {"id": "<s>", ...}} and {"Sequence": {...}}.
  private static void addTemplate(JsonObject json, List<String> prefixes) {
    boolean textSeen = false;
    for (JsonObject part : json.objects("single")) {
      Optional<JsonObject> token = part.object("SpecialToken");
      if (token.isEmpty()) {
        part.requireObject("Sequence");
        textSeen = true;
      } else if (textSeen) {
        throw token
            .get()
            .unsupported(token.get().requireText("id"), "a template that ends with the text");
      } else {
        prefixes.add(token.get().requireText("id"));
      }
    }
  }
}
