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
  private final JsonObject config; // tokenizer_config.json, or an empty object
  private final List<JsonObject> models; // generation_config.json if there is one, config.json
  private final Optional<String> chatTemplate; // of a file of its own
  private final Vocabulary vocabulary;

  private JsonDefinition(
      String source,
      JsonObject json,
      JsonObject config,
      List<JsonObject> models,
      Optional<String> chatTemplate) {
    this.json = json;
    this.config = config;
    this.models = models;
    this.chatTemplate = chatTemplate;
    this.vocabulary = new Vocabulary(source);
  }

  /**
   * {@return the tokenizer of a tokenizer.json}
   *
   * @param source names the file in messages
   * @param json tokenizer.json
   * @param config tokenizer_config.json, an empty object if there is none
   * @param models files that may hold {@code eos_token_id}; the first one that does is asked
   * @param chatTemplate the template, if it has a file of its own
   * @throws InputException if it is damaged, or of a kind that is not supported
   */
  static TokenizerDefinition read(
      String source,
      JsonObject json,
      JsonObject config,
      List<JsonObject> models,
      Optional<String> chatTemplate) {
    return new JsonDefinition(source, json, config, models, chatTemplate).read();
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
    Optional<String> text = tokenText("bos_token");
    return text.isPresent()
        ? OptionalInt.of(vocabulary.require(text.get(), "bos_token of tokenizer_config.json"))
        : OptionalInt.empty();
  }

  // tokenizer_config.json may want a BOS that the template lacks, or none.
  private List<Integer> prefix(JsonPostProcessor around, OptionalInt bos) {
    boolean addsBos = config.flag("add_bos_token", !around.prefix().isEmpty());
    if (!addsBos || bos.isEmpty()) {
      return List.of();
    }
    return around.prefix().isEmpty() ? List.of(bos.getAsInt()) : around.prefix();
  }

  private Map<String, String> named() {
    Map<String, String> named = new HashMap<>();
    for (String name : TokenizerDefinition.TOKEN_NAMES) {
      tokenText(name).ifPresent(text -> named.put(name, text));
    }
    return named;
  }

  private Set<Integer> ends() {
    Set<Integer> ends = new HashSet<>();
    tokenText("eos_token")
        .ifPresent(
            text -> ends.add(vocabulary.require(text, "eos_token of tokenizer_config.json")));
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

  // A token is written as its text, or as an object with it.
  private Optional<String> tokenText(String key) {
    return config.find(key).filter(JsonNode::isObject).isPresent()
        ? Optional.of(config.requireObject(key).requireText("content"))
        : config.text(key);
  }

  // One template, or several with names, of which "default" is for chat.
  private Optional<String> configuredChatTemplate() {
    if (config.find("chat_template").filter(JsonNode::isArray).isEmpty()) {
      return config.text("chat_template");
    }
    return config.objects("chat_template").stream()
        .filter(named -> named.text("name").orElse("").equals("default"))
        .findFirst()
        .map(named -> named.requireText("template"));
  }
}
