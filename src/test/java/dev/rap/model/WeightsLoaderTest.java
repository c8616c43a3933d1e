package dev.rap.model;

import static dev.rap.checkpoint.Sentences.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.HuggingFaceFolders;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.checkpoint.TensorBytes;
import dev.rap.kernels.RopePairing;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class WeightsLoaderTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final RandomLlama TINY = RandomLlama.tiny();
  private static final Path SMOLLM2 =
      Path.of("..", "shared", "models", "SmolLM2-135M-Instruct.Q4_1.gguf");

  @TempDir Path folder;

  private Path gguf() {
    return folder.resolve("model.gguf");
  }

  private void load(Path path, Consumer<Weights> test) {
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      test.accept(WeightsLoader.load(checkpoint));
    }
  }

  private void loadBoth(RandomLlama model, Consumer<Weights> test) {
    load(GgufFiles.write(gguf(), model), test);
    load(HuggingFaceFolders.write(folder.resolve("hf"), model), test);
  }

  private void assertGgufRefused(GgufFiles.Writer writer, String... parts) {
    Path path = writer.write(gguf());
    assertRefused(path, () -> load(path, _ -> {}), parts);
  }

  private void assertConfigRefused(Consumer<ObjectNode> change, String... parts) {
    Path path = HuggingFaceFolders.write(folder.resolve("hf"), TINY);
    Path file = path.resolve("config.json");
    try {
      ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
      change.accept(config);
      Files.writeString(file, config.toString());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    assertRefused(path, () -> load(path, _ -> {}), parts);
  }

  private static float[] floats(Tensor tensor) {
    assertEquals(DType.F32, tensor.dtype());
    return tensor.data().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static void assertShape(int rows, int columns, Tensor tensor) {
    assertEquals(rows + " x " + columns, tensor.rows() + " x " + tensor.columns());
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = ".*_K")
  void bothFormatsGiveTheShapesOfTheConfiguration(DType dtype) {
    RandomLlama model = TINY.untied();
    boolean quantised = dtype.blockElements() > 1;
    Consumer<Weights> test =
        weights -> {
          ModelConfig config = weights.config();
          assertEquals(2, config.layers());
          assertEquals(4, config.queryHeads());
          assertEquals(2, config.kvHeads());
          assertEquals(32, config.headSize());
          assertEquals(256, config.contextLength());
          assertEquals(1e-5f, config.rmsEps());
          assertEquals(1e4, config.ropeTheta());
          assertEquals(new RopeScaling.None(), config.ropeScaling());
          assertShape(288, 64, weights.embedding());
          assertShape(288, 64, weights.output());
          assertShape(1, 64, weights.outputNorm());
          assertEquals(2, weights.layers().size());
          Weights.Layer layer = weights.layers().get(1);
          assertShape(1, 64, layer.attentionNorm());
          assertShape(128, 64, layer.query().matrix());
          assertShape(64, 64, layer.key().matrix());
          assertShape(64, 64, layer.value().matrix());
          assertShape(64, 128, layer.attentionOutput().matrix());
          assertShape(96, 64, layer.gate().matrix());
          assertShape(96, 64, layer.up().matrix());
          assertShape(64, 96, layer.down().matrix());
          assertEquals(dtype, layer.down().matrix().dtype());
        };
    if (quantised) {
      load(GgufFiles.write(gguf(), model.with(dtype)), test);
    } else {
      loadBoth(model.with(dtype), test);
    }
  }

  @Test
  void everyTensorIsInItsPlace() {
    RandomLlama model = TINY.untied().withBiases();
    loadBoth(
        model,
        weights -> {
          Weights.Layer layer = weights.layers().get(1);
          String prefix = "model.layers.1.";
          Map<String, Tensor> places =
              Map.of(
                  "model.embed_tokens.weight",
                  weights.embedding(),
                  "model.norm.weight",
                  weights.outputNorm(),
                  "lm_head.weight",
                  weights.output(),
                  prefix + "input_layernorm.weight",
                  layer.attentionNorm(),
                  prefix + "self_attn.v_proj.weight",
                  layer.value().matrix(),
                  prefix + "self_attn.o_proj.weight",
                  layer.attentionOutput().matrix(),
                  prefix + "post_attention_layernorm.weight",
                  layer.feedForwardNorm(),
                  prefix + "mlp.gate_proj.weight",
                  layer.gate().matrix(),
                  prefix + "mlp.up_proj.weight",
                  layer.up().matrix(),
                  prefix + "mlp.down_proj.weight",
                  layer.down().matrix());
          places.forEach(
              (name, tensor) -> assertArrayEquals(model.values(name), floats(tensor), name));
          assertArrayEquals(
              model.values(prefix + "self_attn.v_proj.bias"),
              floats(layer.value().bias().orElseThrow()));
          assertArrayEquals(
              model.values(prefix + "self_attn.o_proj.bias"),
              floats(layer.attentionOutput().bias().orElseThrow()));
          assertArrayEquals(
              model.values(prefix + "mlp.gate_proj.bias"),
              floats(layer.gate().bias().orElseThrow()));
          assertArrayEquals(
              model.values(prefix + "mlp.up_proj.bias"), floats(layer.up().bias().orElseThrow()));
          assertArrayEquals(
              model.values(prefix + "mlp.down_proj.bias"),
              floats(layer.down().bias().orElseThrow()));
        });
  }

  // Head size 32: GGUF's rows 0, 1, 2 of the second head are Hugging Face's rows 32, 48, 33.
  @Test
  void queryAndKeyRowsArePairedAsTheirFormatSays() {
    RandomLlama model = TINY.withBiases();
    float[] query = model.values("model.layers.0.self_attn.q_proj.weight");
    float[] keyBias = model.values("model.layers.0.self_attn.k_proj.bias");
    load(
        HuggingFaceFolders.write(folder.resolve("hf"), model),
        weights -> {
          assertEquals(RopePairing.HALVES, weights.config().ropePairing());
          assertArrayEquals(query, floats(weights.layers().getFirst().query().matrix()));
          assertArrayEquals(
              keyBias, floats(weights.layers().getFirst().key().bias().orElseThrow()));
        });
    load(
        GgufFiles.write(gguf(), model),
        weights -> {
          assertEquals(RopePairing.INTERLEAVED, weights.config().ropePairing());
          float[] moved = floats(weights.layers().getFirst().query().matrix());
          float[] movedBias = floats(weights.layers().getFirst().key().bias().orElseThrow());
          int[] sources = {32, 48, 33};
          for (int i = 0; i < sources.length; i++) {
            assertArrayEquals(
                Arrays.copyOfRange(query, sources[i] * 64, (sources[i] + 1) * 64),
                Arrays.copyOfRange(moved, (32 + i) * 64, (33 + i) * 64));
            assertEquals(keyBias[sources[i]], movedBias[32 + i]);
          }
        });
  }

  @Test
  void tiedAndUntiedOutputsAreToldApart() {
    loadBoth(
        TINY,
        weights -> {
          assertTrue(weights.tied());
          assertSame(weights.embedding(), weights.output());
        });
    loadBoth(TINY.untied(), weights -> assertFalse(weights.tied()));
  }

  @Test
  void biasesAreWhereTheFileHasThem() {
    loadBoth(
        TINY,
        weights -> {
          assertTrue(weights.layers().getFirst().query().bias().isEmpty());
          assertTrue(weights.layers().getFirst().down().bias().isEmpty());
        });
    loadBoth(
        TINY.withBiases(),
        weights -> {
          assertShape(1, 128, weights.layers().getFirst().query().bias().orElseThrow());
          assertShape(1, 64, weights.layers().getFirst().attentionOutput().bias().orElseThrow());
          assertShape(1, 96, weights.layers().getFirst().up().bias().orElseThrow());
          assertShape(1, 64, weights.layers().getFirst().down().bias().orElseThrow());
        });
  }

  // theta 10,000, 32 dimensions. Wavelengths are 2 pi 10^(i/4): i = 0 has 6.28, far below
  // 256 / 4 = 64, and stays; i = 15 has 35,333, far above 256 / 1, and is divided by 8; i = 5 has
  // 111.7326, so 2.291185 periods in 256: (2.291185 - 1) / (4 - 1) = 0.430395 of the way: the
  // divisor is 1 / (0.569605 / 8 + 0.430395) = 1.993638.
  @Test
  void llama3ScalingIsAFormulaInFoldersAndDivisorsInGguf() {
    RopeScaling.Llama3 scaling = new RopeScaling.Llama3(8, 1, 4, 256);
    RandomLlama model = TINY.with(scaling);
    load(
        HuggingFaceFolders.write(folder.resolve("hf"), model),
        weights -> assertEquals(scaling, weights.config().ropeScaling()));
    load(
        GgufFiles.write(gguf(), model),
        weights -> {
          float[] divisors = divisors(weights);
          assertEquals(16, divisors.length);
          assertEquals(1, divisors[0]);
          assertEquals(1.993638, divisors[5], 2e-6);
          assertEquals(8, divisors[15]);
        });
  }

  private static float[] divisors(Weights weights) {
    return ((RopeScaling.Divisors) weights.config().ropeScaling()).divisors();
  }

  @Test
  void bothSpellingsOfRopeSettingsAreRead() throws IOException {
    Path path = HuggingFaceFolders.write(folder.resolve("hf"), TINY);
    String older =
        "\"rope_theta\": 5e5, \"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8,"
            + " \"low_freq_factor\": 1, \"high_freq_factor\": 4,"
            + " \"original_max_position_embeddings\": 256}";
    String newer =
        "\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 5e5, \"factor\": 8,"
            + " \"low_freq_factor\": 1, \"high_freq_factor\": 4,"
            + " \"original_max_position_embeddings\": 256}";
    Path file = path.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
    config.remove("rope_theta");
    config.remove("rope_scaling");
    String rest = config.toString().substring(1);
    for (String rope : new String[] {older, newer}) {
      Files.writeString(file, "{" + rope + "," + rest);
      load(
          path,
          weights -> {
            assertEquals(5e5, weights.config().ropeTheta());
            assertEquals(new RopeScaling.Llama3(8, 1, 4, 256), weights.config().ropeScaling());
          });
    }
  }

  @Test
  void linearScalingDividesAllFrequencies() {
    float[] fours = new float[16];
    Arrays.fill(fours, 4);
    load(
        HuggingFaceFolders.write(
            folder.resolve("hf"), TINY.with(new RopeScaling.Divisors(fours.clone()))),
        weights -> assertArrayEquals(fours, divisors(weights)));
    load(
        GgufFiles.writer(TINY)
            .string("llama.rope.scaling.type", "linear")
            .float32("llama.rope.scaling.factor", 4)
            .write(gguf()),
        weights -> assertArrayEquals(fours, divisors(weights)));
  }

  @Test
  void optionalSettingsHaveDefaults() throws IOException {
    Path path = HuggingFaceFolders.write(folder.resolve("hf"), TINY);
    Path file = path.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
    config.remove("rms_norm_eps");
    config.remove("rope_theta");
    config.remove("max_position_embeddings");
    config.remove("hidden_act");
    config.remove("architectures");
    Files.writeString(file, config.toString());
    load(
        path,
        weights -> {
          assertEquals(1e-6f, weights.config().rmsEps());
          assertEquals(1e4, weights.config().ropeTheta());
          assertEquals(2048, weights.config().contextLength());
        });
  }

  @Test
  void aVocabularyOfAnotherSizeThanTheEmbeddingIsRefused() {
    assertGgufRefused(
        GgufFiles.writer(TINY).byteTokenizer(300),
        "token_embd.weight is [288, 64]",
        "expected [300, 64]");
    load(GgufFiles.writer(TINY).byteTokenizer(288).write(gguf()), _ -> {});
  }

  @Test
  void otherArchitecturesAreRefusedByName() {
    assertGgufRefused(
        new GgufFiles.Writer().string("general.architecture", "mamba"),
        "architecture mamba",
        "supported: llama, qwen2, qwen3, smollm3, gemma2, gemma3, phi3");
    assertGgufRefused(
        new GgufFiles.Writer().string("general.architecture", "x\u001b[31m" + "y".repeat(200)),
        "architecture x?[31my",
        "yyy...");
    assertGgufRefused(new GgufFiles.Writer(), "lacks the setting general.architecture");
    assertConfigRefused(
        config -> config.putArray("architectures").add("MambaForCausalLM"),
        "[\"MambaForCausalLM\"]",
        "supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM");
    assertConfigRefused(
        config -> config.put("model_type", "mamba").remove("architectures"), "architecture");
  }

  @Test
  void variantsInGgufAreRefusedByName() {
    assertGgufRefused(
        GgufFiles.writer(TINY).uint32("llama.expert_count", 8), "a mixture of experts");
    assertGgufRefused(
        GgufFiles.writer(TINY).string("llama.rope.scaling.type", "dynamic"),
        "RoPE scaling of kind dynamic",
        "none, linear, yarn, longrope");
    assertGgufRefused(
        GgufFiles.writer(TINY)
            .string("llama.rope.scaling.type", "linear")
            .tensor("rope_factors_long.weight", DType.F32, new long[] {16}, new float[16]),
        "rope_factors_long.weight",
        "no place");
    assertGgufRefused(
        GgufFiles.writer(TINY)
            .string("llama.rope.scaling.type", "yarn")
            .float32("llama.rope.scaling.yarn_ext_factor", 0.5f),
        "YaRN of extrapolation factor 0.5");
    assertGgufRefused(
        minimal().uint32("llama.rope.dimension_count", 16),
        "RoPE on 16 of 32 dimensions in a Llama");
    assertGgufRefused(minimal().uint32("llama.attention.value_length", 16), "values of 16");
    assertGgufRefused(
        GgufFiles.writer(TINY)
            .tensor("blk.0.attn_q_norm.weight", DType.F32, new long[] {32}, new float[32]),
        "blk.0.attn_q_norm.weight",
        "with or without biases");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hidden_act            | \"gelu\"   | activation gelu",
        "quantization_config   | {\"a\":1}  | quantised weights",
        "partial_rotary_factor | 0.5        | RoPE on 16 of 32 dimensions in a Llama",
        "rope_scaling          | {\"rope_type\":\"proportional\"} | default, linear, llama3, yarn, longrope, dynamic",
        "rope_scaling          | {\"rope_type\":\"dynamic\"} | lacks the setting factor",
        "rope_scaling          | {\"rope_type\":\"dynamic\",\"factor\":-1} | positive number",
        "rope_scaling          | {\"rope_type\":\"longrope\"} | lacks the setting short_factor",
        "rope_scaling          | {\"rope_type\":\"yarn\",\"factor\":-4} | positive number",
        "rope_scaling          | {\"rope_type\":\"llama3\"} | lacks the setting",
        "rope_scaling          | {\"rope_type\":\"linear\",\"factor\":0} | positive number",
        "rope_scaling          | 7          | expected an object",
        "hidden_size           | \"64\"     | expected an integer",
        "hidden_size           | null       | lacks the setting hidden_size",
        "hidden_size           | -64        | expected 1 to",
        "hidden_size           | 1e400      | expected an integer",
        "hidden_size           | 99999999999999999999 | expected an integer",
        "hidden_size           | 128        | expected [288, 128]",
        "head_dim              | 33         | headSize must be even",
        "head_dim              | 64         | expected [256, 64]",
        "num_attention_heads   | 3          | queryHeads must be a multiple of kvHeads",
        "num_hidden_layers     | 1          | no place",
        "num_hidden_layers     | 3          | no tensor model.layers.2.input_layernorm.weight",
        "num_hidden_layers     | 1000000    | no tensor model.layers.2.input_layernorm.weight",
        "vocab_size            | 287        | expected [287, 64]",
        "tie_word_embeddings   | false      | no tensor lm_head.weight",
        "tie_word_embeddings   | 1          | expected true or false",
        "rms_norm_eps          | 0          | rmsEps",
        "rope_theta            | -1         | ropeTheta",
      })
  void configurationsThatCannotBeAreRefused(String key, String value, String part) {
    assertConfigRefused(config -> config.set(key, parse(value)), part);
  }

  private static JsonNode parse(String json) {
    try {
      return JSON.readTree(json);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void settingsThatOverflowAreRefused() {
    int most = 1 << 24;
    assertConfigRefused(
        config ->
            config
                .put("num_attention_heads", most)
                .put("num_key_value_heads", 1)
                .put("head_dim", most),
        "overflow");
  }

  /** Settings of TINY that can still be added to, and the embedding. */
  private static GgufFiles.Writer minimal() {
    return new GgufFiles.Writer()
        .string("general.architecture", "llama")
        .uint32("llama.block_count", 2)
        .uint32("llama.context_length", 256)
        .uint32("llama.embedding_length", 128)
        .uint32("llama.feed_forward_length", 96)
        .uint32("llama.attention.head_count", 4)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .tensor("token_embd.weight", DType.F32, new long[] {8, 128}, new float[8 * 128]);
  }

  @Test
  void settingsThatVaryByLayerAreRefused() {
    assertGgufRefused(
        minimal().integers("llama.attention.head_count_kv", 2, 1),
        "llama.attention.head_count_kv is an array of INT32, expected an integer");
  }

  // The last block of row 50 of 64, so that neither the first nor the last row gives it away.
  @ParameterizedTest
  @EnumSource
  void weightsThatAreNotFiniteAreRefused(DType dtype) {
    DType scaleType = dtype.blockElements() > 1 ? DType.F16 : dtype;
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      byte[] scale = TensorBytes.encode(scaleType, new float[] {bad});
      assertDownRefused(dtype, scaleOffset(dtype), scale, "NaN or infinity in row 50");
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q4_1", "Q5_1", "Q2_K", "Q4_K", "Q5_K"})
  void aMinimumThatIsNotFiniteIsRefused(DType dtype) {
    byte[] minimum = TensorBytes.encode(DType.F16, new float[] {Float.NaN});
    assertDownRefused(dtype, scaleOffset(dtype) + 2, minimum, "NaN or infinity in row 50");
  }

  private static int scaleOffset(DType dtype) {
    return switch (dtype) {
      case Q2_K -> 80;
      case Q3_K -> 108;
      case Q6_K -> 208;
      default -> 0;
    };
  }

  private void assertDownRefused(DType dtype, int offset, byte[] bad, String part) {
    ModelConfig config = RandomLlama.config("wide", 2, 64, 4, 2, 32, 256, 288, 256);
    String name = "blk.1.ffn_down.weight";
    byte[] bytes = TensorBytes.encode(dtype, new float[64 * 256]);
    int at = (int) (51 * dtype.byteSize(256) - dtype.byteSize(dtype.blockElements()));
    System.arraycopy(bad, 0, bytes, at + offset, bad.length);
    assertGgufRefused(
        GgufFiles.writerWithout(name, TINY.with(config))
            .tensor(name, dtype.ggmlId(), new long[] {64, 256}, bytes),
        "tensor " + name,
        part);
  }

  @Test
  void normsAndDivisorsThatAreNotFiniteAreRefused() {
    float[] norm = new float[64];
    norm[63] = Float.NaN;
    assertGgufRefused(
        GgufFiles.writerWithout("output_norm.weight", TINY)
            .tensor("output_norm.weight", DType.F16, new long[] {64}, norm),
        "output_norm.weight",
        "NaN or infinity");
    for (float bad : new float[] {Float.NaN, 0, -1, Float.POSITIVE_INFINITY}) {
      float[] divisors = new float[16];
      Arrays.fill(divisors, 1);
      divisors[15] = bad;
      assertGgufRefused(
          GgufFiles.writer(TINY).tensor("rope_freqs.weight", DType.F32, new long[] {16}, divisors),
          "rope_freqs.weight holds " + bad + " at element 15");
    }
    assertGgufRefused(
        GgufFiles.writer(TINY).tensor("rope_freqs.weight", DType.F32, new long[] {8}, new float[8]),
        "rope_freqs.weight is [1, 8], expected [1, 16]");
  }

  @Test
  void quantisedNormsAndTensorsOfUnsupportedTypesAreRefused() {
    String norm = "blk.0.attn_norm.weight";
    assertGgufRefused(
        GgufFiles.writerWithout(norm, TINY)
            .tensor(norm, DType.Q8_0, new long[] {64}, new float[64]),
        norm,
        "Q8_0, expected F32, F16 or BF16");
    String gate = "blk.0.ffn_gate.weight";
    assertGgufRefused(
        GgufFiles.writerWithout(gate, TINY).tensor(gate, 20, new long[] {96, 64}, new byte[5040]),
        gate,
        "IQ4_NL, which is not supported (yet)");
  }

  @Test
  void smolLm2HasItsKnownShape() {
    assumeTrue(Files.exists(SMOLLM2), "needs " + SMOLLM2);
    load(
        SMOLLM2,
        weights -> {
          ModelConfig config = weights.config();
          assertEquals(30, config.layers());
          assertEquals(576, config.hiddenSize());
          assertEquals(9, config.queryHeads());
          assertEquals(3, config.kvHeads());
          assertEquals(64, config.headSize());
          assertEquals(1536, config.feedForwardSize());
          assertEquals(49_152, config.vocabularySize());
          assertEquals(8192, config.contextLength());
          assertTrue(weights.tied());
          assertEquals(DType.Q8_0, weights.embedding().dtype());
          assertEquals(DType.Q4_1, weights.layers().get(29).down().matrix().dtype());
        });
  }
}
