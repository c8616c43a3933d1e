package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The small tokenizers as a converter writes them into a GGUF file. */
final class GgufFixture {
  private GgufFixture() {}

  /** {@return the metadata of the tokenizer of this name, which is also its tokenizer.ggml.pre} */
  static GgufBytes of(String name) {
    JsonNode json = TestFiles.json(name + ".tokenizer.json");
    int size = json.get("model").get("vocab").size();
    for (JsonNode token : json.get("added_tokens")) {
      size = Math.max(size, token.get("id").intValue() + 1);
    }
    List<String> tokens = new ArrayList<>(Collections.nCopies(size, ""));
    List<Integer> types = new ArrayList<>(Collections.nCopies(size, 1)); // normal
    for (Map.Entry<String, JsonNode> token : json.get("model").get("vocab").properties()) {
      tokens.set(token.getValue().intValue(), token.getKey());
    }
    for (JsonNode token : json.get("added_tokens")) {
      int id = token.get("id").intValue();
      tokens.set(id, token.get("content").textValue());
      types.set(id, token.get("special").booleanValue() ? 3 : 4); // control, user-defined
    }
    return name.equals("llama")
        ? sentencePiece(tokens, types)
        : bytePair(name, json.get("model").get("merges"), tokens, types);
  }

  // SentencePiece numbers its pieces in the order of their scores; bytes have none to speak of.
  private static GgufBytes sentencePiece(List<String> tokens, List<Integer> types) {
    List<Float> scores = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      scores.add((float) -id);
      if (ByteToken.is(tokens.get(id))) {
        types.set(id, 6);
      }
    }
    return metadata("llama", tokens, types).numbers("tokenizer.ggml.scores", scores);
  }

  /** {@return the metadata of the unigram tokenizer} */
  static GgufBytes unigram() {
    JsonNode json = TestFiles.json("unigram.tokenizer.json");
    List<String> tokens = new ArrayList<>();
    List<Float> scores = new ArrayList<>();
    List<Integer> types = new ArrayList<>();
    for (JsonNode line : json.get("model").get("vocab")) {
      String text = line.get(0).textValue();
      tokens.add(text);
      scores.add(line.get(1).floatValue());
      // <unk> is text here as in the tokenizer.json, which has it not among its special tokens
      types.add(ByteToken.is(text) ? 6 : text.endsWith("text>") ? 3 : 1);
    }
    String rules =
        json.get("normalizer").get("normalizers").get(0).get("precompiled_charsmap").textValue();
    List<Integer> bytes = new ArrayList<>();
    for (byte b : Base64.getDecoder().decode(rules)) {
      bytes.add((int) b);
    }
    return metadata("t5", tokens, types)
        .numbers("tokenizer.ggml.scores", scores)
        .integers("tokenizer.ggml.precompiled_charsmap", bytes)
        .flag("tokenizer.ggml.remove_extra_whitespaces", true)
        .integer("tokenizer.ggml.unknown_token_id", 0);
  }

  private static GgufBytes metadata(String model, List<String> tokens, List<Integer> types) {
    return new GgufBytes()
        .string("general.architecture", "llama")
        .string("tokenizer.ggml.model", model)
        .strings("tokenizer.ggml.tokens", tokens)
        .integers("tokenizer.ggml.token_type", types);
  }

  private static GgufBytes bytePair(
      String name, JsonNode lines, List<String> tokens, List<Integer> types) {
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : lines) {
      merges.add(
          merge.isTextual()
              ? merge.textValue()
              : merge.get(0).textValue() + " " + merge.get(1).textValue());
    }
    return metadata("gpt2", tokens, types)
        .string("tokenizer.ggml.pre", name)
        .strings("tokenizer.ggml.merges", merges);
  }
}
