package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import dev.rap.tokenizer.BytePairEncoder.Reading;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads {@code model} and {@code pre_tokenizer} of a tokenizer.json, which depend on each other.
 *
 * @param preTokenizer cuts text for the encoder
 * @param byteLevel whether tokens are written in the {@link ByteAlphabet}
 */
record JsonModel(PreTokenizer preTokenizer, Encoder encoder, boolean byteLevel) {

  /**
   * {@return what {@code file} describes; its tokens are added to {@code vocabulary}}
   *
   * @throws InputException if it is damaged or not supported
   */
  static JsonModel read(JsonObject file, Vocabulary vocabulary) {
    JsonObject model = file.requireObject("model");
    // Files of old name no type.
    boolean isUnigram = model.find("vocab").filter(JsonNode::isArray).isPresent();
    String type = model.text("type").orElse(isUnigram ? "Unigram" : "BPE");
    return switch (type) {
      case "BPE" -> bytePair(file, model, vocabulary);
      case "Unigram" -> unigram(file, model, vocabulary);
      default -> throw model.unsupported(type, "BPE, Unigram");
    };
  }

  private static JsonModel bytePair(JsonObject file, JsonObject model, Vocabulary vocabulary) {
    requireSupported(model);
    for (Map.Entry<String, JsonNode> token : model.requireObject("vocab").node().properties()) {
      vocabulary.add(token.getKey(), model.integer("vocab", token.getValue()));
    }
    Merges merges = merges(model, vocabulary);
    boolean byteFallback = model.flag("byte_fallback", false);
    var cuts = JsonPreTokenizer.read(file.object("pre_tokenizer"), !byteFallback);
    boolean ignoreMerges = model.flag("ignore_merges", false);
    Optional<String> unknown = model.text("unk_token");
    BytePairEncoder encoder =
        new BytePairEncoder(
            vocabulary,
            id -> true,
            merges.table(),
            new Reading(cuts.bytes(), byteFallback, ignoreMerges, model.flag("fuse_unk", false)),
            unknown.isPresent() ? vocabulary.find(unknown.get()) : OptionalInt.empty());
    List<PreTokenizer> parts = new ArrayList<>(cuts.parts());
    if (!cuts.bytes() && !ignoreMerges) {
      parts.add(new SafeCuts(vocabulary, merges.made(), encoder::knows));
    }
    return new JsonModel(PreTokenizer.chain(parts), encoder, isByteLevel(cuts.parts()));
  }

  // Plain text must not make them, though they are in the vocabulary of a unigram model.
  private static Set<String> special(JsonObject file) {
    return file.objects("added_tokens").stream()
        .filter(token -> token.flag("special", false))
        .map(token -> token.requireText("content"))
        .collect(Collectors.toSet());
  }

  private static boolean isByteLevel(List<PreTokenizer> parts) {
    return parts.stream().anyMatch(part -> part instanceof ByteLevel);
  }

  private static void requireSupported(JsonObject model) {
    if (model.find("dropout").filter(dropout -> dropout.asDouble() != 0).isPresent()) {
      throw model.unsupported("dropout", "BPE without it");
    }
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      if (!model.text(affix).orElse("").isEmpty()) {
        throw model.unsupported(affix, "BPE without it");
      }
    }
  }

  private static Merges merges(JsonObject model, Vocabulary vocabulary) {
    List<JsonNode> lines = model.requireArray("merges");
    return Merges.listed(
        vocabulary,
        lines.size(),
        rank -> {
          JsonNode line = lines.get(rank);
          if (line.isTextual()) {
            return Merges.Pair.of(line.textValue(), vocabulary.source(), rank);
          }
          if (line.size() != 2 || !line.path(0).isTextual() || !line.path(1).isTextual()) {
            throw model.odd("merges", line, "a string or two");
          }
          return new Merges.Pair(line.path(0).textValue(), line.path(1).textValue());
        });
  }

  private static JsonModel unigram(JsonObject file, JsonObject model, Vocabulary vocabulary) {
    List<JsonNode> lines = model.requireArray("vocab");
    double[] scores = new double[lines.size()];
    Set<String> special = special(file);
    BitSet matched = new BitSet();
    for (int id = 0; id < scores.length; id++) {
      JsonNode line = lines.get(id);
      if (line.size() != 2 || !line.path(0).isTextual() || !line.path(1).isNumber()) {
        throw model.odd("vocab", line, "a text and a score");
      }
      scores[id] = line.path(1).doubleValue();
      String text = line.path(0).textValue();
      vocabulary.add(text, id);
      matched.set(id, !special.contains(text));
    }
    int unknown = vocabulary.requireId(model.requireInteger("unk_id"), model.where() + ".unk_id");
    var cuts = JsonPreTokenizer.read(file.object("pre_tokenizer"), false);
    return new JsonModel(
        PreTokenizer.chain(cuts.parts()),
        new UnigramEncoder(
            vocabulary, matched::get, scores, unknown, model.flag("byte_fallback", false)),
        isByteLevel(cuts.parts()));
  }
}
