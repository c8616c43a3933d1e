package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import java.util.ArrayList;
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
  private final String source;
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
    this.source = source;
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
    JsonObject model = json.requireObject("model");
    requireSupported(model);
    for (Map.Entry<String, JsonNode> token : model.requireObject("vocab").node().properties()) {
      vocabulary.add(token.getKey(), model.integer("vocab", token.getValue()));
    }
    requireByteLevelDecoder();
    BytePairEncoder encoder = encoder(model);
    // Added tokens come after the encoder is made: merging does not know them.
    List<AddedToken> added = added();
    JsonPostProcessor postProcessor = JsonPostProcessor.read(json.object("post_processor"));
    OptionalInt bos = bos(postProcessor);
    Set<Integer> ends = ends();
    Set<Integer> special = new HashSet<>(ends);
    bos.ifPresent(special::add);
    added.stream().filter(AddedToken::special).map(AddedToken::id).forEach(special::add);
    return new TokenizerDefinition(
        vocabulary,
        added,
        nfc(json.object("normalizer")),
        JsonPreTokenizer.read(json.requireObject("pre_tokenizer")),
        encoder,
        special,
        bos,
        bos.isPresent() && config.flag("add_bos_token", postProcessor.prefix().isPresent()),
        ends,
        chatTemplate.or(this::configuredChatTemplate));
  }

  private static void requireSupported(JsonObject model) {
    String type = model.text("type").orElse("BPE"); // files of old leave it out
    if (!type.equals("BPE")) {
      throw model.unsupported(type, "BPE (byte-level)");
    }
    if (model.flag("byte_fallback", false)) {
      throw model.unsupported("byte_fallback", "BPE that is byte-level throughout");
    }
    if (model.find("dropout").filter(dropout -> dropout.asDouble() != 0).isPresent()) {
      throw model.unsupported("dropout", "BPE without it");
    }
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      if (!model.text(affix).orElse("").isEmpty()) {
        throw model.unsupported(affix, "BPE without it");
      }
    }
  }

  private BytePairEncoder encoder(JsonObject model) {
    List<JsonNode> lines = model.requireArray("merges");
    MergeReader merges = new MergeReader(source, vocabulary, lines.size());
    for (JsonNode line : lines) {
      addMerge(model, line, merges);
    }
    Optional<String> unknown = model.text("unk_token");
    return new BytePairEncoder(
        vocabulary.ids(),
        merges.merges(),
        model.flag("ignore_merges", false),
        unknown.isPresent() ? vocabulary.find(unknown.get()) : OptionalInt.empty(),
        model.flag("fuse_unk", false));
  }

  private static void addMerge(JsonObject model, JsonNode line, MergeReader merges) {
    if (line.isTextual()) {
      merges.add(line.textValue());
    } else if (line.size() == 2 && line.path(0).isTextual() && line.path(1).isTextual()) {
      merges.add(line.path(0).textValue(), line.path(1).textValue());
    } else {
      throw new InputException(
          "%s.merges has the element %s, expected a string or two: fetch the file again"
              .formatted(model.where(), Vocabulary.quote(line.toString())));
    }
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

  private void requireByteLevelDecoder() {
    Optional<JsonObject> decoder = json.object("decoder");
    Optional<String> type = decoder.map(found -> found.requireText("type"));
    if (type.isPresent() && !type.get().equals("ByteLevel")) {
      throw decoder.get().unsupported(type.get(), "ByteLevel");
    }
  }

  private static boolean nfc(Optional<JsonObject> normalizer) {
    if (normalizer.isEmpty()) {
      return false;
    }
    JsonObject json = normalizer.get();
    String type = json.requireText("type");
    return switch (type) {
      case "NFC" -> true;
      case "Sequence" -> {
        boolean nfc = false;
        for (JsonObject part : json.objects("normalizers")) {
          nfc |= nfc(Optional.of(part));
        }
        yield nfc;
      }
      default -> throw json.unsupported(type, "none, NFC, and Sequences of them");
    };
  }

  private OptionalInt bos(JsonPostProcessor postProcessor) {
    if (postProcessor.prefix().isPresent()) {
      return OptionalInt.of(vocabulary.require(postProcessor.prefix().get(), "post_processor"));
    }
    Optional<String> text = tokenText("bos_token");
    return text.isPresent()
        ? OptionalInt.of(vocabulary.require(text.get(), "bos_token of tokenizer_config.json"))
        : OptionalInt.empty();
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
