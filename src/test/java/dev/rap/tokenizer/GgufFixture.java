package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
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
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : json.get("model").get("merges")) {
      merges.add(
          merge.isTextual()
              ? merge.textValue()
              : merge.get(0).textValue() + " " + merge.get(1).textValue());
    }
    return new GgufBytes()
        .string("general.architecture", "llama")
        .string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", name)
        .strings("tokenizer.ggml.tokens", tokens)
        .integers("tokenizer.ggml.token_type", types)
        .strings("tokenizer.ggml.merges", merges);
  }
}
