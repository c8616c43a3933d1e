package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads {@code post_processor} of a tokenizer.json: which tokens come before and behind a text.
 *
 * @param prefix the ids before it
 * @param suffix the ids behind it
 */
record JsonPostProcessor(List<Integer> prefix, List<Integer> suffix) {
  private static final int MOST = 64;

  JsonPostProcessor {
    prefix = List.copyOf(prefix);
    suffix = List.copyOf(suffix);
  }

  /**
   * {@return what {@code json} describes}
   *
   * @throws InputException if it is damaged or not supported
   */
  static JsonPostProcessor read(Optional<JsonObject> json, Vocabulary vocabulary) {
    Reader reader = new Reader(vocabulary);
    json.ifPresent(reader::add);
    return new JsonPostProcessor(reader.prefix, reader.suffix);
  }

  private static final class Reader {
    private final Vocabulary vocabulary;
    private final List<Integer> prefix = new ArrayList<>();
    private final List<Integer> suffix = new ArrayList<>();

    Reader(Vocabulary vocabulary) {
      this.vocabulary = vocabulary;
    }

    // A later processor puts its tokens around those of an earlier one.
    private void add(JsonObject json) {
      String type = json.requireText("type");
      switch (type) {
        case "ByteLevel" -> {} // changes offsets only
        case "Sequence" -> json.objects("processors").forEach(this::add);
        case "TemplateProcessing" -> addTemplate(json);
        default ->
            throw json.unsupported(type, "ByteLevel, TemplateProcessing, and Sequences of them");
      }
    }

    // "single" is a list of {"SpecialToken": {"id": "<s>", ...}} and {"Sequence": {...}}.
    private void addTemplate(JsonObject json) {
      List<Integer> before = new ArrayList<>();
      List<Integer> behind = new ArrayList<>();
      boolean textSeen = false;
      for (JsonObject part : json.objects("single")) {
        Optional<JsonObject> token = part.object("SpecialToken");
        if (token.isPresent()) {
          (textSeen ? behind : before).addAll(ids(json, token.get()));
        } else if (textSeen) {
          throw json.unsupported("a text that comes twice", "one Sequence");
        } else {
          part.requireObject("Sequence");
          textSeen = true;
        }
      }
      if (!textSeen) {
        throw json.unsupported("a template without the text", "one Sequence");
      }
      prefix.addAll(0, before);
      suffix.addAll(behind);
      if (prefix.size() + suffix.size() > MOST) {
        throw json.unsupported("more than %d tokens around a text".formatted(MOST), "less");
      }
    }

    // A name, that special_tokens says the ids of; files of ours may leave that out.
    private List<Integer> ids(JsonObject json, JsonObject token) {
      String name = token.requireText("id");
      Optional<JsonObject> special =
          json.object("special_tokens").flatMap(tokens -> tokens.object(name));
      if (special.isEmpty()) {
        return List.of(vocabulary.require(name, json.where()));
      }
      List<Integer> ids = new ArrayList<>();
      for (var id : special.get().requireArray("ids")) {
        ids.add(vocabulary.requireId(special.get().integer("ids", id), special.get().where()));
      }
      return ids;
    }
  }
}
