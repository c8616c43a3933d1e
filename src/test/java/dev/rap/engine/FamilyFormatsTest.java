package dev.rap.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.checkpoint.HuggingFaceFolders;
import dev.rap.checkpoint.WideFamily;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.model.Weights;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family in every storage type, dense and under a mask, against the same values in F32 with
 * the reference kernels: GoldenLogitsTest holds these against Transformers for each family, and
 * QuantisedBlocksTest what they read from blocks against the package gguf.
 */
class FamilyFormatsTest {
  private static final double ANY = Double.POSITIVE_INFINITY;
  private static final GoldenLogits.Tolerance SAME = new GoldenLogits.Tolerance(0, ANY);
  private static final ObjectMapper JSON = new ObjectMapper();

  // Windows are 5 to 9 tokens. Channel blocks of 128 and most head groups cut blocks of 256 in two.
  private static final String RUN =
      """
      {"tokens": [3, 50, 14, 15, 1, 9, 26, 53, 58, 7], "positions": [3, 6, 9], "cases": [
        {"name": "dense", "mask": null},
        {"name": "masked", "mask": {"channelBlockSize": 128, "layers": []}}]}
      """;
  private static final String EVEN_LAYER =
      "{\"headGroups\": [0, 1, 2, 5, 8, 15], \"channelBlocks\": [0, 2, 3]}";
  private static final String ODD_LAYER = "{\"headGroups\": [3, 4, 10], \"channelBlocks\": [1, 2]}";

  private static Stream<Arguments> cells() {
    return GoldenLogits.FAMILIES.stream()
        .flatMap(family -> Arrays.stream(DType.values()).map(type -> Arguments.of(family, type)));
  }

  @ParameterizedTest(name = "{0} in {1}")
  @MethodSource("cells")
  void agreesWithTheSameValuesInF32(String family, DType type, @TempDir Path folder)
      throws IOException {
    Path golden = GoldenLogits.ofGguf(family).model();
    Path stored = WideFamily.write(golden, type, folder.resolve("stored.gguf"));
    Path exact = WideFamily.writeF32(stored, folder.resolve("exact.gguf"));
    int layers = layers(family);
    check(stored, exact, run(layers), tolerance(type, layers));
  }

  // Folders in F16 and F32 are held against Transformers by GoldenLogitsTest.
  @ParameterizedTest
  @FieldSource("dev.rap.engine.GoldenLogits#FAMILIES")
  void foldersInBf16AgreeWithTheSameValuesInF32(String family, @TempDir Path folder)
      throws IOException {
    GoldenLogits golden = GoldenLogits.of(family);
    Path stored = HuggingFaceFolders.convert(golden.model(), DType.BF16, folder.resolve("bf16"));
    Path exact = HuggingFaceFolders.convert(stored, DType.F32, folder.resolve("f32"));
    JsonNode run = JSON.readTree(golden.golden().toFile());
    check(stored, exact, run, tolerance(DType.BF16, layers(family)));
  }

  private static void check(
      Path stored, Path exact, JsonNode run, GoldenLogits.Tolerance tolerance) {
    Function<Weights, Backend> reference = backend(CpuKernels::reference);
    int all = run.get("tokens").size();
    ArrayNode cases = GoldenLogits.record(exact, run, run.get("cases"), reference, all);
    GoldenLogits.check(stored, run, cases, reference, all, SAME);
    for (int stepTokens : new int[] {all, 3, 1}) { // many, few, and decoding
      GoldenLogits.check(
          stored, run, cases, backend(() -> CpuKernels.open(2)), stepTokens, tolerance);
    }
  }

  private static int layers(String family) throws IOException {
    Path config = GoldenLogits.of(family).model().resolve("config.json");
    return JSON.readTree(config.toFile()).get("num_hidden_layers").asInt();
  }

  private static JsonNode run(int layers) throws IOException {
    ObjectNode run = (ObjectNode) JSON.readTree(RUN);
    ArrayNode kept = (ArrayNode) run.at("/cases/1/mask/layers");
    for (int i = 0; i < layers; i++) {
      kept.add(JSON.readTree(i % 2 == 0 ? EVEN_LAYER : ODD_LAYER));
    }
    return run;
  }

  private static Function<Weights, Backend> backend(Supplier<Kernels> kernels) {
    return weights -> new CpuBackend(weights, kernels.get(), 2);
  }

  // Each product is off by a share of its result. The errors of seven a layer and of the logits'
  // product add up like a random walk, but each layer that they pass, with its softmax, gates and
  // norms, may double their variance. For two layers that is QuantisedLogitsTest's 0.03.
  private static GoldenLogits.Tolerance tolerance(DType type, int layers) {
    double share =
        switch (type) {
          // Sums in F32 are off by less than this, but may turn the rounding of a key or a value to
          // F16 the other way.
          case F32, F16 -> 0x1p-11;
          case BF16 -> 0x1p-9; // rounds activations, as in GoldenLogitsTest
          default -> 2.0 / 127 / Math.sqrt(12); // rounds them to 8 bits: QuantisedLogitsTest
        };
    int products = 1;
    for (int layer = 1; layer <= layers; layer++) {
      products += 7 << layer;
    }
    return new GoldenLogits.Tolerance(ANY, share * Math.sqrt(products));
  }
}
