package dev.rap.checkpoint;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.model.ModelConfig;
import dev.rap.model.RopeScaling;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes Hugging Face folders for tests. */
public final class HuggingFaceFolders {
  static final ObjectMapper JSON = new ObjectMapper();

  private HuggingFaceFolders() {}

  /** {@return {@code folder}, which now holds {@code model} in one file, without a tokenizer} */
  public static Path write(Path folder, RandomLlama model) {
    return write(folder, model, 1);
  }

  /**
   * {@return {@code folder}, which now holds {@code model}, its tensors dealt out to the shards}
   */
  public static Path write(Path folder, RandomLlama model, int shards) {
    writeText(folder.resolve("config.json"), config(model).toPrettyString());
    List<RandomLlama.Stored> tensors = model.tensors();
    if (shards == 1) {
      writeBytes(folder.resolve("model.safetensors"), safetensors(tensors));
      return folder;
    }
    ObjectNode index = JSON.createObjectNode();
    ObjectNode weightMap = index.putObject("weight_map");
    for (int shard = 0; shard < shards; shard++) {
      String name = "model-%05d-of-%05d.safetensors".formatted(shard + 1, shards);
      int start = shard * tensors.size() / shards;
      int end = (shard + 1) * tensors.size() / shards;
      tensors.subList(start, end).forEach(tensor -> weightMap.put(tensor.name(), name));
      writeBytes(folder.resolve(name), safetensors(tensors.subList(start, end)));
    }
    writeText(folder.resolve("model.safetensors.index.json"), index.toPrettyString());
    return folder;
  }

  /** {@return {@code folder}, which now holds the model in {@code other}, all in {@code dtype}} */
  public static Path convert(Path other, DType dtype, Path folder) throws IOException {
    try (HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.open(other)) {
      List<RandomLlama.Stored> tensors =
          checkpoint.names().stream()
              .map(name -> stored(name, dtype, checkpoint.findF32(name).orElseThrow()))
              .toList();
      writeBytes(folder.resolve("model.safetensors"), safetensors(tensors));
    }
    Files.copy(other.resolve("config.json"), folder.resolve("config.json"));
    return folder;
  }

  private static RandomLlama.Stored stored(String name, DType dtype, Tensor tensor) {
    long columns = tensor.columns();
    long[] shape = tensor.rows() == 1 ? new long[] {columns} : new long[] {tensor.rows(), columns};
    float[] values = tensor.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    return new RandomLlama.Stored(name, dtype, shape, values);
  }

  /** Adds the tokenizer of {@link GgufFiles.Writer#byteTokenizer} to {@code folder}. */
  public static void writeByteTokenizer(Path folder, int vocabularySize) {
    ObjectNode tokenizer = JSON.createObjectNode().put("version", "1.0");
    ArrayNode added = tokenizer.putArray("added_tokens");
    added
        .addObject()
        .put("id", 256)
        .put("content", ByteVocabulary.END)
        .put("special", true)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false);
    tokenizer.putNull("normalizer");
    tokenizer
        .putObject("pre_tokenizer")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", true);
    tokenizer.putNull("post_processor");
    tokenizer.putObject("decoder").put("type", "ByteLevel");
    ObjectNode bpe = tokenizer.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = bpe.putObject("vocab");
    List<String> tokens = ByteVocabulary.tokens(vocabularySize);
    for (int i = 0; i < tokens.size(); i++) {
      vocabulary.put(tokens.get(i), i);
    }
    bpe.putArray("merges");
    writeText(folder.resolve("tokenizer.json"), tokenizer.toString());
    writeText(
        folder.resolve("tokenizer_config.json"),
        JSON.createObjectNode().put("eos_token", ByteVocabulary.END).toString());
    writeText(
        folder.resolve("generation_config.json"),
        JSON.createObjectNode().put("eos_token_id", 256).toString());
  }

  static ObjectNode config(RandomLlama model) {
    ModelConfig config = model.config();
    ObjectNode json = JSON.createObjectNode();
    json.putArray("architectures").add("LlamaForCausalLM");
    json.put("model_type", "llama")
        .put("attention_bias", model.biases())
        .put("head_dim", config.headSize())
        .put("hidden_act", "silu")
        .put("hidden_size", config.hiddenSize())
        .put("intermediate_size", config.feedForwardSize())
        .put("max_position_embeddings", config.contextLength())
        .put("mlp_bias", model.biases())
        .put("num_attention_heads", config.queryHeads())
        .put("num_hidden_layers", config.layers())
        .put("num_key_value_heads", config.kvHeads())
        .put("rms_norm_eps", Double.parseDouble(Float.toString(config.rmsEps())))
        .put("rope_theta", config.ropeTheta())
        .put("tie_word_embeddings", model.tied())
        .put("vocab_size", config.vocabularySize());
    switch (config.ropeScaling()) {
      case RopeScaling.None() -> json.putNull("rope_scaling");
      case RopeScaling.Llama3 llama3 ->
          json.putObject("rope_scaling")
              .put("rope_type", "llama3")
              .put("factor", llama3.factor())
              .put("low_freq_factor", llama3.lowFactor())
              .put("high_freq_factor", llama3.highFactor())
              .put("original_max_position_embeddings", llama3.originalContext());
      case RopeScaling.Yarn yarn ->
          json.putObject("rope_scaling")
              .put("rope_type", "yarn")
              .put("factor", yarn.factor())
              .put("original_max_position_embeddings", yarn.originalContext());
      case RopeScaling.Dynamic dynamic ->
          json.putObject("rope_scaling")
              .put("rope_type", "dynamic")
              .put("factor", dynamic.factor());
      case RopeScaling.LongRope longRope ->
          throw new IllegalArgumentException("no random model has " + longRope);
      case RopeScaling.Divisors divisors ->
          json.putObject("rope_scaling")
              .put("rope_type", "linear")
              .put("factor", divisors.divisors()[0]);
    }
    return json;
  }

  static byte[] safetensors(List<RandomLlama.Stored> tensors) {
    ObjectNode header = JSON.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    GgufFiles.Output data = new GgufFiles.Output();
    for (RandomLlama.Stored tensor : tensors) {
      ObjectNode entry = header.putObject(tensor.name()).put("dtype", tensor.dtype().name());
      ArrayNode shape = entry.putArray("shape");
      for (long dimension : tensor.shape()) {
        shape.add(dimension);
      }
      int begin = data.size();
      data.bytes(TensorBytes.encode(tensor.dtype(), tensor.values()));
      entry.putArray("data_offsets").add(begin).add(data.size());
    }
    return safetensors(header.toString(), data.all());
  }

  /** {@return a file of this header, which need not be right, and this data} */
  static byte[] safetensors(String header, byte[] data) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    int padding = Math.floorMod(-json.length, 8);
    return new GgufFiles.Output()
        .i64(json.length + padding)
        .bytes(json)
        .bytes(" ".repeat(padding).getBytes(StandardCharsets.UTF_8))
        .bytes(data)
        .all();
  }

  static void writeText(Path file, String text) {
    writeBytes(file, text.getBytes(StandardCharsets.UTF_8));
  }

  static void writeBytes(Path file, byte[] bytes) {
    try {
      Files.createDirectories(file.getParent());
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
