package dev.rap.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.checkpoint.HuggingFaceFolders;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole models against logits that Transformers computed in fp32, dense and with units zeroed
 * ({@code scripts/golden-logits.py}).
 */
class GoldenLogitsTest {
  // Keys and values are kept in F16: each is off by at most 2^-12 of itself. An output of attention
  // is a mean of values, with scores off by |q||k| 2^-12; the models are two layers deep and the
  // logits reach about 12, so a few times 12 * 2^-12 = 0.003.
  private static final GoldenLogits.Tolerance EXACT =
      new GoldenLogits.Tolerance(0.015, Double.POSITIVE_INFINITY);

  // Native products with BF16 weights round their inputs to BF16: by up to 2^-9 of themselves in
  // each of the 14 products on the way to the logits, which add up like a random walk to
  // 2^-9 * sqrt(14) = 0.0073 of the logits' norm.
  private static final GoldenLogits.Tolerance BF16 =
      new GoldenLogits.Tolerance(Double.POSITIVE_INFINITY, 0.01);

  private static Stream<Arguments> families() {
    return GoldenLogits.FAMILIES.stream()
        .flatMap(
            family ->
                Stream.of(
                    // 7 end inside of KvBlocks; 24 are a tile of queries, 7 are few and 1 decodes.
                    Arguments.of(family, 24, "reference"),
                    Arguments.of(family, 24, "native"),
                    Arguments.of(family, 7, "native"),
                    Arguments.of(family, 1, "native")));
  }

  @ParameterizedTest(name = "{0}, {1} tokens a step, {2}")
  @MethodSource("families")
  void familiesAgreeWithTransformersFromBothKindsOfFile(
      String family, int stepTokens, String kernelKind, @TempDir Path folder) throws Exception {
    GoldenLogits half = GoldenLogits.of(family);
    Path single = HuggingFaceFolders.convert(half.model(), DType.F32, folder.resolve("f32"));
    for (GoldenLogits golden :
        List.of(half, new GoldenLogits(half.golden(), single), GoldenLogits.ofGguf(family))) {
      Kernels kernels = kernelKind.equals("native") ? CpuKernels.open(2) : CpuKernels.reference();
      golden.check(weights -> new CpuBackend(weights, kernels, 2), stepTokens, EXACT);
    }
  }

  // 40 tokens where the first training had 32.
  @ParameterizedTest(name = "{0}, {1} tokens a step, {2}")
  @CsvSource({
    "phi3-longrope, 40, reference",
    "phi3-longrope, 40, native",
    "phi3-longrope,  1, native",
    "phi4,          40, reference",
    "phi4,           7, native",
    "llama-dynamic, 40, reference",
    "llama-dynamic,  1, native"
  })
  void longContextsHaveTheirOwnRopeFromTheFirstTokenOn(
      String model, int stepTokens, String kernelKind) throws Exception {
    GoldenLogits folder = GoldenLogits.of(model);
    boolean isInGguf = !model.equals("llama-dynamic"); // these files cannot say it
    for (GoldenLogits golden :
        isInGguf ? List.of(folder, GoldenLogits.ofGguf(model)) : List.of(folder)) {
      Kernels kernels = kernelKind.equals("native") ? CpuKernels.open(2) : CpuKernels.reference();
      golden.checkBeyond(weights -> new CpuBackend(weights, kernels, 2), stepTokens, EXACT);
    }
  }

  private static Stream<String> compensated() {
    return Stream.concat(GoldenLogits.FAMILIES.stream(), Stream.of("ffn-biased"));
  }

  @ParameterizedTest
  @MethodSource("compensated")
  void meansAreThoseOfTransformersAlsoAfterOtherMasks(String model) throws Exception {
    GoldenLogits.of(model)
        .checkMeansOnTheMove(weights -> new CpuBackend(weights, CpuKernels.open(2), 2), 24, EXACT);
  }

  // As the hub has the larger Gemmas: the decoder's tensors under one of two prefixes.
  @ParameterizedTest
  @ValueSource(strings = {"language_model.model.", "model.language_model."})
  void aDecoderBesideImagesIsUsedAlone(String prefix, @TempDir Path folder) throws Exception {
    GoldenLogits gemma = GoldenLogits.of("gemma3");
    ObjectMapper json = new ObjectMapper();
    ObjectNode config = json.createObjectNode().put("model_type", "gemma3");
    config.putArray("architectures").add("Gemma3ForConditionalGeneration");
    JsonNode text = json.readTree(gemma.model().resolve("config.json").toFile());
    config.set("text_config", text);
    Files.writeString(folder.resolve("config.json"), config.toString());
    byte[] file = Files.readAllBytes(gemma.model().resolve("model.safetensors"));
    int header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt() + Long.BYTES;
    int data = file.length - header;
    String vision =
        "{\"vision_tower.norm.weight\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[%d,%d]},"
            .formatted(data, data + Short.BYTES);
    String tensors =
        new String(file, Long.BYTES, header - Long.BYTES, StandardCharsets.UTF_8)
            .strip()
            .replace("\"model.", "\"" + prefix)
            .replaceFirst("\\{", vision);
    byte[] names = tensors.getBytes(StandardCharsets.UTF_8);
    ByteBuffer renamed =
        ByteBuffer.allocate(Long.BYTES + names.length + data + Short.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(names.length)
            .put(names)
            .put(file, header, data);
    Files.write(folder.resolve("model.safetensors"), renamed.array());
    new GoldenLogits(gemma.golden(), folder)
        .check(weights -> new CpuBackend(weights, CpuKernels.reference(), 1), 24, EXACT);
  }

  @ParameterizedTest(name = "{0}, {1} tokens a step, {2}")
  @CsvSource({
    "mha-biased,       24, reference",
    "mha-biased,       24, native",
    "mha-biased,        1, native", // one token at a time, as in generation
    "gqa4-llama3-rope, 24, reference",
    "gqa4-llama3-rope,  7, reference", // chunks that end inside of KvBlocks
    "gqa4-llama3-rope, 24, native",
    "gqa4-llama3-rope,  7, native",
    "gqa8-sharded,     24, reference",
    "gqa8-sharded,      1, reference",
    "gqa8-sharded,     24, native",
    "ffn-biased,       24, reference",
    "ffn-biased,       24, native",
    "ffn-biased,        1, native",
    "llama-dynamic,    24, native"
  })
  void agreesWithTransformers(String folder, int stepTokens, String kernelKind) throws Exception {
    boolean isNative = kernelKind.equals("native");
    Kernels kernels = isNative ? CpuKernels.open(2) : CpuKernels.reference();
    boolean rounds = isNative && folder.equals("gqa4-llama3-rope"); // the one in BF16
    GoldenLogits.of(folder)
        .check(weights -> new CpuBackend(weights, kernels, 2), stepTokens, rounds ? BF16 : EXACT);
  }
}
