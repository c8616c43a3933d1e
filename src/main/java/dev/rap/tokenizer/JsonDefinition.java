package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads a tokenizer.json and the files beside it.
 *
 * @see <a href="https://github.com/huggingface/tokenizers">Hugging Face tokenizers, whose format it
 *     is</a>
 */
final class JsonDefinition {
  private final JsonObject json;
  private final List<JsonObject> configs; // the first that has a key is asked
  private final List<JsonObject> models; // generation_config.json if there is one, config.json
  private final Optional<String> chatTemplate; // of a file of its own
  private final Vocabulary vocabulary;

  private JsonDefinition(
      String source,
      JsonObject json,
      List<JsonObject> configs,
      List<JsonObject> models,
      Optional<String> chatTemplate) {
    this.json = json;
    this.configs = configs;
    this.models = models;
    this.chatTemplate = chatTemplate;
    this.vocabulary = new Vocabulary(source);
  }

  /**
   * {@return the tokenizer of a tokenizer.json}
   *
   * @param source names the file in messages
   * @param json tokenizer.json
   * @param configs files that may name tokens and hold a template, tokenizer_config.json before
   *     others; the first that has a key is asked
   * @param models files that may hold {@code eos_token_id}; the first one that does is asked
   * @param chatTemplate the template, if it has a file of its own
   * @throws InputException if it is damaged, or of a kind that is not supported
   */
  static TokenizerDefinition read(
      String source,
      JsonObject json,
      List<JsonObject> configs,
      List<JsonObject> models,
      Optional<String> chatTemplate) {
    return new JsonDefinition(source, json, configs, models, chatTemplate).read();
  }

  private TokenizerDefinition read() {
    JsonModel model = JsonModel.read(json, vocabulary);
    // Added tokens come after the encoder is made: merging does not know them.
    List<AddedToken> added = added();
    JsonPostProcessor around = JsonPostProcessor.read(json.object("post_processor"), vocabulary);
    OptionalInt bos = bos(around);
    Set<Integer> ends = ends();
    Set<Integer> special = new HashSet<>(ends);
    bos.ifPresent(special::add);
    added.stream().filter(AddedToken::special).map(AddedToken::id).forEach(special::add);
    return new TokenizerDefinition(
        vocabulary,
        added,
        JsonNormalizer.read(json.object("normalizer")),
        model.preTokenizer(),
        model.encoder(),
        decoder(model.byteLevel()),
        special,
        bos,
        prefix(around, bos),
        around.suffix(),
        ends,
        named(),
        chatTemplate.or(this::configuredChatTemplate));
  }

  private List<AddedToken> added() {
    List<AddedToken> added = new ArrayList<>();
    for (JsonObject token : json.objects("added_tokens")) {
      String content = token.requireText("content");
      boolean special = token.flag("special", false);
      vocabulary.add(content, token.requireInteger("id"));
      added.add(
          new AddedToken(
              vocabulary.require(content, "added_tokens"),
              content,
              special,
              token.flag("single_word", false),
              token.flag("lstrip", false),
              token.flag("rstrip", false),
              token.flag("normalized", !special)));
    }
    return added;
  }

  private Decoder decoder(boolean byteLevel) {
    return JsonDecoder.read(json.object("decoder"))
        .orElse(byteLevel ? Decoder.BYTE_LEVEL : new Decoder(List.of(new DecoderStep.Join())));
  }

  private OptionalInt bos(JsonPostProcessor around) {
    if (!around.prefix().isEmpty()) {
      return OptionalInt.of(around.prefix().getFirst());
    }
    return tokenId("bos_token").stream().mapToInt(Integer::intValue).findFirst();
  }

  // tokenizer_config.json may want a BOS that the template lacks, or none.
  private List<Integer> prefix(JsonPostProcessor around, OptionalInt bos) {
    boolean otherwise = !around.prefix().isEmpty();
    boolean addsBos =
        config("add_bos_token")
            .map(file -> file.flag("add_bos_token", otherwise))
            .orElse(otherwise);
    if (!addsBos || bos.isEmpty()) {
      return List.of();
    }
    return around.prefix().isEmpty() ? List.of(bos.getAsInt()) : around.prefix();
  }

  private Map<String, String> named() {
    Map<String, String> named = new HashMap<>();
    for (String name : TokenizerDefinition.TOKEN_NAMES) {
      config(name).ifPresent(file -> named.put(name, tokenText(file, name)));
    }
    return named;
  }

  private Set<Integer> ends() {
    Set<Integer> ends = new HashSet<>();
    tokenId("eos_token").ifPresent(ends::add);
    models.stream()
        .filter(model -> model.find("eos_token_id").isPresent())
        .findFirst()
        .ifPresent(model -> addEnds(model, ends));
    for (String text : TokenizerDefinition.END_TEXTS) {
      vocabulary.find(text).ifPresent(ends::add);
    }
    return ends;
  }

  // One id or several. Ids without a token are left out: configurations of small test models are
  // often copied from large ones.
  private void addEnds(JsonObject model, Set<Integer> ends) {
    JsonNode value = model.find("eos_token_id").orElseThrow();
    for (JsonNode id : value.isArray() ? model.array("eos_token_id") : List.of(value)) {
      long end = model.integer("eos_token_id", id);
      if (end >= 0 && end < vocabulary.size()) {
        ends.add((int) end);
      }
    }
  }

  private Optional<JsonObject> config(String key) {
    return configs.stream().filter(file -> file.find(key).isPresent()).findFirst();
  }

  private Optional<Integer> tokenId(String key) {
    return config(key)
        .map(file -> vocabulary.require(tokenText(file, key), key + " of " + file.where()));
  }

  // A token is written as its text, or as an object with it.
  private static String tokenText(JsonObject file, String key) {
    return file.find(key).filter(JsonNode::isObject).isPresent()
        ? file.requireObject(key).requireText("content")
        : file.requireText(key);
  }

  // One template, or several with names, of which "default" is for chat.
  private Optional<String> configuredChatTemplate() {
    Optional<JsonObject> file = config("chat_template");
    if (file.flatMap(found -> found.find("chat_template")).filter(JsonNode::isArray).isEmpty()) {
      return file.map(found -> found.requireText("chat_template"));
    }
    return file.get().objects("chat_template").stream()
        .filter(named -> named.text("name").orElse("").equals("default"))
        .findFirst()
        .map(named -> named.requireText("template"));
  }
}
