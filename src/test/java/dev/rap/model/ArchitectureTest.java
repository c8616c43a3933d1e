package dev.rap.model;

import static dev.rap.checkpoint.Sentences.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import dev.rap.model.Architecture.LayerAttention;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What settings make of the families: the tiny models' {@code config.json} with changes, and GGUF
 * metadata. Layers are written as their windows, with {@code l} for the local RoPE and {@code n}
 * for none.
 */
class ArchitectureTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden");

  @TempDir Path folder;

  private ModelConfig read(String model, Consumer<ObjectNode> change) {
    try {
      Path weights = folder.resolve("model.safetensors");
      if (!Files.exists(weights)) {
        Files.copy(GOLDEN.resolve(model).resolve("model.safetensors"), weights);
      }
      ObjectNode config =
          (ObjectNode) JSON.readTree(GOLDEN.resolve(model).resolve("config.json").toFile());
      change.accept(config);
      Files.writeString(folder.resolve("config.json"), config.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return new HuggingFaceConfig((HuggingFaceCheckpoint) checkpoint).read();
    }
  }

  private ModelConfig with(String model, String changes) {
    return read(
        model,
        config -> {
          try {
            ((ObjectNode) JSON.readTree(changes))
                .properties()
                .forEach(
                    entry -> {
                      if (entry.getValue().asText().equals("absent")) {
                        config.remove(entry.getKey());
                      } else {
                        config.set(entry.getKey(), entry.getValue());
                      }
                    });
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static String layers(ModelConfig config) {
    return config.architecture().layers().stream()
        .map(ArchitectureTest::text)
        .collect(Collectors.joining(" "));
  }

  private static String text(LayerAttention layer) {
    String window =
        layer.window() == AttentionRule.UNBOUNDED ? "all" : String.valueOf(layer.window());
    return switch (layer.rope()) {
      case GLOBAL -> window;
      case LOCAL -> window + 'l';
      case NONE -> window + 'n';
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "llama-linear | {'sliding_window':7} | all all", // not a setting of Llama's
        "mistral | {} | 7 7",
        "mistral | {'sliding_window':null} | all all",
        "mistral | {'sliding_window':256} | all all", // as long as the context
        "mistral | {'sliding_window':'absent'} | all all", // 4096 by default
        "mistral | {'sliding_window':'absent','max_position_embeddings':8192} | 4096 4096",
        "qwen2-yarn | {'use_sliding_window':true} | all 5", // from max_window_layers on
        "qwen2-yarn | {'use_sliding_window':true,'max_window_layers':'absent'} | all all",
        "qwen3 | {'layer_types':['sliding_attention','full_attention'],'sliding_window':9} | 9 all",
        "smollm3 | {'no_rope_layers':null} | all all all alln",
        "smollm3 | {'no_rope_layers':[0,1,0,1]} | alln all alln all",
        "smollm3 | {'no_rope_layers':null,'no_rope_layer_interval':2} | all alln all alln",
        "smollm3 | {'use_sliding_window':true,'sliding_window':8,'layer_types':null}"
            + " | all all all 8n",
        "gemma2 | {} | 6 all 6",
        "gemma2 | {'layer_types':['full_attention','full_attention','sliding_attention']}"
            + " | all all 6",
        "gemma3 | {} | 5l 5l 5l 5l 5l all",
        "gemma3 | {'sliding_window_pattern':3} | 5l 5l all 5l 5l all",
        "gemma3 | {'sliding_window':256} | alll alll alll alll alll all", // still local RoPE
        "phi3 | {} | 9 9",
        "phi3 | {'sliding_window':'absent'} | all all",
      })
  void windowsAndRopeFollowTheFamily(String model, String changes, String expected) {
    assertEquals(expected, layers(with(model, changes.replace('\'', '"'))));
  }

  @Test
  void gemmasHaveScalesAndCapsAndDefaultsOfTheirOwn() {
    Architecture gemma =
        with("gemma2", "{\"query_pre_attn_scalar\":25,\"attn_logit_softcapping\":null}")
            .architecture();
    assertEquals(0.2f, gemma.queryScale());
    assertEquals(0, gemma.scoreCap());
    assertEquals(3, gemma.logitCap());
    assertEquals((float) Math.sqrt(32), gemma.embeddingScale());
    assertEquals(Activation.GELU_TANH, gemma.activation());
    ModelConfig bare =
        with(
            "gemma2",
            "{\"attn_logit_softcapping\":\"absent\",\"final_logit_softcapping\":\"absent\","
                + "\"head_dim\":\"absent\",\"num_attention_heads\":\"absent\","
                + "\"query_pre_attn_scalar\":\"absent\"}");
    assertEquals(50, bare.architecture().scoreCap());
    assertEquals(30, bare.architecture().logitCap());
    assertEquals(256, bare.headSize());
    assertEquals(8, bare.queryHeads());
    assertEquals(0.0625f, bare.architecture().queryScale());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | 8",
        "{'partial_rotary_factor':0.75} | 6",
        "{'partial_rotary_factor':0.3} | 2",
        "{'rope_parameters':{'rope_type':'default','partial_rotary_factor':0.25}} | 2",
      })
  void theSharesOfHeadsThatTurnAreReadFromBothSpellings(String changes, int expected) {
    ModelConfig config = with("phi3", changes.replace('\'', '"'));
    assertEquals(expected, config.architecture().rotarySize());
  }

  @Test
  void ropeOfEachKindOfLayerIsReadFromBothSpellings() {
    ModelConfig older = read("gemma3", _ -> {});
    assertEquals(1e6, older.ropeTheta());
    assertEquals(5000, older.architecture().localRopeTheta());
    ModelConfig newer =
        with(
            "gemma3",
            "{\"rope_theta\":\"absent\",\"rope_local_base_freq\":\"absent\","
                + "\"rope_scaling\":\"absent\",\"rope_parameters\":{"
                + "\"full_attention\":{\"rope_type\":\"yarn\",\"factor\":4,\"rope_theta\":70000,"
                + "\"original_max_position_embeddings\":64},"
                + "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":300}}}");
    assertEquals(70_000, newer.ropeTheta());
    assertEquals(300, newer.architecture().localRopeTheta());
    assertEquals(
        new RopeScaling.Yarn(4, RopeScaling.Yarn.attentionFactor(4), 32, 1, 64, true),
        newer.ropeScaling());
  }

  // By transformers 5.23.0: 1.064468904.
  @Test
  void yarnMayWeighItsAttentionFactorAndLeaveTheFactorToTheContexts() {
    RopeScaling.Yarn weighed =
        yarn("\"factor\":40,\"mscale\":0.707,\"mscale_all_dim\":0.5,\"truncate\":false");
    assertEquals(1.064468904, weighed.attentionFactor(), 1e-9);
    assertEquals(false, weighed.wholePairs());
    RopeScaling.Yarn derived = yarn("\"factor\":null,\"attention_factor\":0.5,\"beta_fast\":8");
    assertEquals(new RopeScaling.Yarn(4, 0.5, 8, 1, 64, true), derived); // 256 of 64
  }

  private RopeScaling.Yarn yarn(String settings) {
    String rope = "{\"type\":\"yarn\",\"original_max_position_embeddings\":64," + settings + "}";
    return (RopeScaling.Yarn) with("qwen2-yarn", "{\"rope_scaling\":" + rope + "}").ropeScaling();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "smollm3 | {'no_rope_layers':[1,1]} | no_rope_layers to [1,1], expected a list of 4",
        "smollm3 | {'no_rope_layers':7} | expected a list of 4",
        "gemma2 | {'layer_types':['full_attention']} | expected a list of 3",
        "qwen3 | {'layer_types':['chunked_attention','full_attention']}"
            + " | layers of kind chunked_attention",
        "gemma2 | {'attn_logit_softcapping':-1} | positive number",
        "gemma2 | {'query_pre_attn_scalar':0} | positive number",
        "gemma2 | {'hidden_activation':'gelu'} | activation gelu",
        "gemma3 | {'use_bidirectional_attention':true} | attention to later tokens",
        "gemma3 | {'rope_local_base_freq':null} | lacks the setting rope_local_base_freq",
        "gemma3 | {'rope_parameters':{'sliding_attention':{'rope_type':'linear'}}}"
            + " | RoPE scaling of kind linear in layers with a window",
        "mistral | {'sliding_window':0} | expected 1 to",
        "phi3 | {'partial_rotary_factor':1.5} | partial_rotary_factor to 1.5, expected at most 1",
        "phi3 | {'partial_rotary_factor':0} | positive number",
        "phi3 | {'partial_rotary_factor':0.4} | rotarySize must be even and 2 to 8, was 3",
        "phi3 | {'partial_rotary_factor':'most'} | expected a number",
        "gemma2 | {'partial_rotary_factor':0.75} | RoPE on 12 of 16 dimensions in a Gemma 2",
        "qwen2-yarn | {'rope_theta':0.5} | YaRN on a RoPE base of 0.5",
      })
  void settingsThatCannotBeAreRefused(String model, String changes, String part) {
    assertRefused(folder, () -> with(model, changes.replace('\'', '"')), part);
  }

  @Test
  void dynamicScalingIsForLongerContexts() {
    String rope = "{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":%s}}";
    ModelConfig config = with("llama-linear", rope.formatted(2.5));
    assertEquals(new RopeScaling.Dynamic(2.5, 256), config.ropeScaling());
    assertEquals(640, config.contextLength());
    assertEquals(256, with("llama-linear", rope.formatted(0.5)).contextLength());
    assertEquals(Settings.MOST, with("llama-linear", rope.formatted(1e300)).contextLength());
  }

  // The published spelling beside others; the factor is sqrt(1 + ln(256 / 32) / ln(32)), or with a
  // ratio of 32 sqrt(2).
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'type':'longrope'} | 1.2649110640673518",
        "{'type':'su'} | 1.2649110640673518",
        "{'rope_type':'longrope','original_max_position_embeddings':32} | 1.2649110640673518",
        "{'rope_type':'longrope','factor':32} | 1.4142135623730951",
        "{'rope_type':'longrope','factor':0.5} | 1",
        "{'rope_type':'longrope','factor':32,'attention_factor':1.19} | 1.19",
      })
  void longRopeIsReadFromItsSpellings(String changes, double attentionFactor) {
    String divisors = "{'short_factor':[1,1,2,2,3,3],'long_factor':[4,5,6,7,8,9.5],";
    String rope = divisors + changes.substring(1);
    RopeScaling.LongRope read =
        (RopeScaling.LongRope)
            with("phi4", "{'rope_scaling':%s}".formatted(rope).replace('\'', '"')).ropeScaling();
    assertArrayEquals(new float[] {1, 1, 2, 2, 3, 3}, read.shortDivisors());
    assertArrayEquals(new float[] {4, 5, 6, 7, 8, 9.5f}, read.longDivisors());
    assertEquals(attentionFactor, read.attentionFactor(), 1e-15);
    assertEquals(32, read.originalContext());
  }

  @Test
  void aPhi3ThatDoesNotSayItsOriginalContextHas4096() {
    String changes =
        "{\"original_max_position_embeddings\":\"absent\",\"max_position_embeddings\":16777216}";
    RopeScaling.LongRope read = (RopeScaling.LongRope) with("phi4", changes).ropeScaling();
    assertEquals(4096, read.originalContext());
    assertEquals(Math.sqrt(2), read.attentionFactor(), 1e-15); // of 4096 times as much
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'long_factor':[1,2,3,4,5] | long_factor to [1,2,3,4,5], expected a list of 6 positive",
        "'long_factor':[1,2,3,4,5,6,7] | expected a list of 6 positive numbers",
        "'long_factor':null | lacks the setting long_factor",
        "'long_factor':7 | expected a list of 6 positive numbers",
        "'long_factor':[1,2,3,4,5,0] | expected a list of 6 positive numbers",
        "'long_factor':[1,2,3,4,5,-6] | expected a list of 6 positive numbers",
        "'long_factor':[1,2,3,4,5,'NaN'] | expected a list of 6 positive numbers",
        "'long_factor':[1,2,3,4,5,1e39] | expected a list of 6 positive numbers",
        "'original_max_position_embeddings':0 | original_max_position_embeddings to 0, expected 1",
        "'original_max_position_embeddings':1 | original context must be 2 tokens or more, was 1",
        "'factor':0 | factor to 0.0, expected a positive number",
        "'attention_factor':-1 | attention_factor to -1.0, expected a positive number",
      })
  void longRopeThatCannotBeIsRefused(String change, String part) {
    String rope =
        "{'rope_scaling':{'type':'longrope','short_factor':[1,1,1,1,1,1],"
            + (change.contains("long_factor") ? "" : "'long_factor':[1,1,1,1,1,1],")
            + change
            + "}}";
    assertRefused(folder, () -> with("phi4", rope.replace('\'', '"')), part);
  }

  private static GgufFiles.Writer longRope(float... longDivisors) {
    float[] ones = {1, 1, 1, 1};
    return gguf("phi3", 2, 32, 2)
        .uint32("phi3.rope.dimension_count", 8)
        .uint32("phi3.rope.scaling.original_context_length", 64)
        .tensor("rope_factors_short.weight", DType.F32, new long[] {4}, ones)
        .tensor(
            "rope_factors_long.weight", DType.F32, new long[] {longDivisors.length}, longDivisors);
  }

  // The factor is the file's, or none.
  @Test
  void longRopeInGgufIsThatOfItsTensors() {
    for (String kind : new String[] {"", "longrope"}) {
      GgufFiles.Writer writer = longRope(1, 2, 3, 4);
      if (!kind.isEmpty()) {
        writer.string("phi3.rope.scaling.type", kind);
      }
      RopeScaling.LongRope read = (RopeScaling.LongRope) read(writer).ropeScaling();
      assertArrayEquals(new float[] {1, 1, 1, 1}, read.shortDivisors());
      assertArrayEquals(new float[] {1, 2, 3, 4}, read.longDivisors());
      assertEquals(1, read.attentionFactor());
      assertEquals(64, read.originalContext());
    }
    ModelConfig stated = read(longRope(1, 2, 3, 4).float32("phi3.rope.scaling.attn_factor", 1.25f));
    assertEquals(1.25, ((RopeScaling.LongRope) stated.ropeScaling()).attentionFactor());
    assertEquals(8, stated.architecture().rotarySize());
  }

  @Test
  void longRopeInGgufThatCannotBeIsRefused() {
    for (float bad : new float[] {Float.NaN, 0, -1, Float.POSITIVE_INFINITY}) {
      assertRefused(
          folder,
          () -> read(longRope(1, 2, 3, bad)),
          "rope_factors_long.weight holds " + bad + " at element 3");
    }
    assertRefused(
        folder,
        () -> read(longRope(1, 2, 3)),
        "rope_factors_long.weight is [1, 3], expected [1, 4]");
    assertRefused(
        folder,
        () -> read(gguf("phi3", 2, 32, 2).string("phi3.rope.scaling.type", "longrope")),
        "rope_factors_short.weight");
    assertRefused(
        folder,
        () -> read(longRope(1, 2, 3, 4).float32("phi3.rope.scaling.attn_factor", Float.NaN)),
        "attn_factor to NaN, expected a positive number");
    for (int rotated : new int[] {0, 7, 24}) {
      assertRefused(
          folder,
          () -> read(gguf("phi3", 2, 32, 2).uint32("phi3.rope.dimension_count", rotated)),
          rotated == 0 ? "expected 1 to" : "rotarySize must be even and 2 to 16, was " + rotated);
    }
  }

  private static GgufFiles.Writer gguf(String family, int layers, int hidden, int heads) {
    return new GgufFiles.Writer()
        .string("general.architecture", family)
        .uint32(family + ".block_count", layers)
        .uint32(family + ".context_length", 256)
        .uint32(family + ".embedding_length", hidden)
        .uint32(family + ".feed_forward_length", 96)
        .uint32(family + ".attention.head_count", heads)
        .uint32(family + ".attention.key_length", 16)
        .float32(family + ".attention.layer_norm_rms_epsilon", 1e-5f)
        .tensor("token_embd.weight", DType.F32, new long[] {8, hidden}, new float[8 * hidden]);
  }

  private ModelConfig read(GgufFiles.Writer writer) {
    Path file = writer.write(folder.resolve("m.gguf"));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return new GgufConfig((GgufCheckpoint) checkpoint).read();
    }
  }

  // llama.cpp's files do not say query_pre_attn_scalar: the largest Gemmas divide by the square
  // root of hidden size / heads, the others by that of the head size.
  @Test
  void theLargestGemmasScaleQueriesByTheirHiddenSize() {
    assertEquals(0.25f, read(gguf("gemma2", 45, 100, 4)).architecture().queryScale());
    assertEquals(0.2f, read(gguf("gemma2", 46, 100, 4)).architecture().queryScale());
    assertEquals(0.25f, read(gguf("gemma3", 46, 100, 4)).architecture().queryScale());
    assertEquals(0.2f, read(gguf("gemma3", 62, 100, 4)).architecture().queryScale());
  }

  @Test
  void whatGgufFilesLeaveOutIsAsLlamaCppHasIt() {
    Architecture gemma2 = read(gguf("gemma2", 2, 32, 2)).architecture();
    assertEquals(50, gemma2.scoreCap());
    assertEquals(30, gemma2.logitCap());
    ModelConfig gemma3 = read(gguf("gemma3", 2, 32, 2));
    assertEquals("all all", layers(gemma3));
    assertEquals(0, gemma3.architecture().logitCap());
    ModelConfig windowed =
        read(gguf("gemma3", 3, 32, 2).uint32("gemma3.attention.sliding_window", 9));
    assertEquals("9l 9l 9l", layers(windowed));
    assertEquals(10_000, windowed.architecture().localRopeTheta());
    assertEquals(
        "9l all 9l",
        layers(
            read(
                gguf("gemma3", 3, 32, 2)
                    .uint32("gemma3.attention.sliding_window", 9)
                    .uint32("gemma3.attention.sliding_window_pattern", 2))));
  }

  @Test
  void yarnInGgufHasTheFactorsOfLlamaCpp() {
    GgufFiles.Writer writer =
        gguf("qwen2", 2, 32, 2)
            .string("qwen2.rope.scaling.type", "yarn")
            .float32("qwen2.rope.scaling.factor", 4)
            .uint32("qwen2.rope.scaling.original_context_length", 64)
            .float32("qwen2.rope.scaling.yarn_beta_fast", 16)
            .float32("qwen2.rope.scaling.attn_factor", 0.5f);
    assertEquals(
        new RopeScaling.Yarn(4, RopeScaling.Yarn.attentionFactor(4) / 2, 16, 1, 64, true),
        read(writer).ropeScaling());
  }

  @Test
  void aWindowOfLayersThatNobodyNamesIsRefused() {
    GgufFiles.Writer writer = gguf("qwen3", 2, 32, 2).uint32("qwen3.attention.sliding_window", 9);
    Path file = folder.resolve("m.gguf");
    assertRefused(file, () -> read(writer), "sliding-window attention in a Qwen3");
  }
}
