package dev.rap.model;

import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import dev.rap.model.Architecture.LayerAttention;
import dev.rap.model.Family.Trait;
import dev.rap.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * Reads the configuration of a decoder from GGUF metadata. What these files do not say, as the
 * query scale of the largest Gemmas, is as llama.cpp has it.
 */
final class GgufConfig {
  private static final String ROPE_DIVISORS = "rope_freqs.weight";
  private static final String SHORT_DIVISORS = "rope_factors_short.weight";
  private static final String LONG_DIVISORS = "rope_factors_long.weight";
  private static final int USUAL_WINDOW_OF_GEMMA2 = 4096;
  private static final int LAYERS_OF_GEMMA2_27B = 46;
  private static final int LAYERS_OF_GEMMA3_27B = 62;

  private final GgufCheckpoint checkpoint;
  private final Settings settings;
  private final Family family;

  GgufConfig(GgufCheckpoint checkpoint) {
    this.checkpoint = checkpoint;
    this.settings = new Settings.Gguf(checkpoint);
    this.family = family();
  }

  private Family family() {
    String key = "general.architecture";
    String architecture = settings.string(key).orElseThrow(() -> settings.missing(key));
    return Family.ofGguf(architecture)
        .orElseThrow(
            () ->
                settings.unsupported(
                    "architecture " + Settings.printable(architecture), Family.ggufNames()));
  }

  // A setting of the family.
  private String key(String name) {
    return family.gguf() + '.' + name;
  }

  /** {@return whether the output projection is the embedding table, since there is no other} */
  boolean tied() {
    return !checkpoint.names().contains(names().output() + ".weight");
  }

  TensorNames names() {
    boolean hasTwoSets = ropeScalingKind().equals("longrope");
    return TensorNames.gguf(
        family, hasTwoSets ? Set.of(SHORT_DIVISORS, LONG_DIVISORS) : Set.of(ROPE_DIVISORS));
  }

  // Files older than the second key name no kind, and nor do those of Phi-3.
  private String ropeScalingKind() {
    String unnamed =
        checkpoint.names().contains(LONG_DIVISORS)
            ? "longrope"
            : settings.number(key("rope.scaling.factor")).isPresent() ? "linear" : "none";
    return settings.string(key("rope.scaling.type")).orElse(unnamed);
  }

  ModelConfig read() {
    if (settings.integer(key("expert_count")).orElse(0) > 0) {
      throw settings.unsupported("a mixture of experts", "one feed-forward sublayer a layer");
    }
    int layers = settings.size(key("block_count"));
    int queryHeads = settings.size(key("attention.head_count"));
    int headSize = headSize(queryHeads);
    int rotarySize = rotarySize(headSize);
    int contextLength = settings.size(key("context_length"));
    double theta = settings.number(key("rope.freq_base")).orElse(10_000);
    return settings.consistent(
        () ->
            new ModelConfig(
                settings
                    .string("general.name")
                    .map(Settings::printable)
                    .orElse(checkpoint.path().getFileName().toString()),
                layers,
                settings.size(key("embedding_length")),
                queryHeads,
                settings.findSize(key("attention.head_count_kv")).orElse(queryHeads),
                headSize,
                settings.size(key("feed_forward_length")),
                vocabularySize(),
                contextLength,
                (float) settings.positive(key("attention.layer_norm_rms_epsilon")),
                theta,
                ropeScaling(rotarySize, theta, contextLength),
                family.ggufPairing(),
                architecture(layers, queryHeads, headSize, rotarySize, contextLength)));
  }

  private int headSize(int queryHeads) {
    int headSize =
        settings
            .findSize(key("attention.key_length"))
            .orElseGet(() -> settings.headSize(key("embedding_length"), queryHeads));
    int valueSize = settings.findSize(key("attention.value_length")).orElse(headSize);
    if (valueSize != headSize) {
      throw settings.unsupported(
          "values of %d elements beside keys of %d".formatted(valueSize, headSize), "equal sizes");
    }
    return headSize;
  }

  private int rotarySize(int headSize) {
    int stated = settings.findSize(key("rope.dimension_count")).orElse(headSize);
    return settings.rotarySize(family, stated, headSize);
  }

  private int vocabularySize() {
    OptionalInt tokens = checkpoint.length("tokenizer.ggml.tokens");
    return tokens.isPresent() && tokens.getAsInt() > 0
        ? tokens.getAsInt()
        : checkpoint.tensor(names().embedding() + ".weight").rows();
  }

  private Architecture architecture(
      int layers, int queryHeads, int headSize, int rotarySize, int contextLength) {
    boolean gemma = family.has(Trait.GEMMA);
    int hiddenSize = settings.size(key("embedding_length"));
    boolean isLargest =
        layers == (family.equals(Family.GEMMA2) ? LAYERS_OF_GEMMA2_27B : LAYERS_OF_GEMMA3_27B);
    int scaled = gemma && isLargest ? Math.max(1, hiddenSize / queryHeads) : headSize;
    return new Architecture(
        family.title(),
        gemma ? Activation.GELU_TANH : Activation.SILU,
        gemma ? (float) Math.sqrt(hiddenSize) : 1,
        AttentionRule.plain(scaled).scale(),
        family.equals(Family.GEMMA2) ? cap("attn_logit_softcapping", 50) : 0,
        gemma ? cap("final_logit_softcapping", family.equals(Family.GEMMA2) ? 30 : 0) : 0,
        rotarySize,
        family.has(Trait.LOCAL_ROPE)
            ? settings.findPositive(key("rope.freq_base_swa")).orElse(10_000)
            : 0,
        layers(layers, contextLength));
  }

  // Writers that know no cap may say 0.
  private float cap(String name, float usual) {
    OptionalDouble stated = settings.number(key(name));
    return stated.isEmpty() ? usual : stated.getAsDouble() == 0 ? 0 : settings.softCap(key(name));
  }

  private List<LayerAttention> layers(int layers, int contextLength) {
    String windowKey = key("attention.sliding_window");
    int usual = family.equals(Family.GEMMA2) ? USUAL_WINDOW_OF_GEMMA2 : 0;
    boolean hasWindow = settings.integer(windowKey).orElse(usual) > 0;
    return AttentionLayers.of(
        family,
        layers,
        hasWindow
            ? AttentionLayers.window(settings.findSize(windowKey).orElse(usual), contextLength)
            : AttentionRule.UNBOUNDED,
        hasWindow ? isWindowed() : _ -> false,
        family.has(Trait.LAYERS_WITHOUT_ROPE) ? layer -> (layer + 1) % 4 != 0 : _ -> true);
  }

  private IntPredicate isWindowed() {
    return switch (family.windows()) {
      case NONE, ALL -> _ -> true; // a Mistral is a Llama there
      case BUT_EVERY_NTH -> {
        int usual = family.equals(Family.GEMMA2) ? 2 : 6;
        int pattern = settings.findSize(key("attention.sliding_window_pattern")).orElse(usual);
        yield layer -> (layer + 1) % pattern != 0;
      }
      case FROM_A_LAYER, WITHOUT_ROPE ->
          throw settings.unsupported(
              "sliding-window attention in a %s".formatted(family.title()),
              "attention to all earlier tokens");
    };
  }

  private RopeScaling ropeScaling(int rotarySize, double theta, int contextLength) {
    boolean stored = checkpoint.names().contains(ROPE_DIVISORS);
    String kind = ropeScalingKind();
    double factor =
        kind.equals("none") ? 1 : settings.findPositive(key("rope.scaling.factor")).orElse(1);
    if (kind.equals("longrope")) {
      return longRope(factor, rotarySize, contextLength);
    }
    if (kind.equals("yarn") && !stored) {
      return yarn(factor, theta, contextLength);
    }
    if (!kind.equals("none") && !kind.equals("linear")) {
      throw settings.unsupported(
          "RoPE scaling of kind " + Settings.printable(kind),
          "none, linear, yarn, longrope, divisors in " + ROPE_DIVISORS);
    }
    if (stored) {
      return new RopeScaling.Divisors(divisors(ROPE_DIVISORS, factor, rotarySize));
    }
    return factor == 1 ? new RopeScaling.None() : settings.linear(factor, rotarySize);
  }

  private RopeScaling yarn(double factor, double theta, int contextLength) {
    double blended = settings.number(key("rope.scaling.yarn_ext_factor")).orElse(1);
    if (blended >= 0 && blended != 1) {
      throw settings.unsupported("YaRN of extrapolation factor " + blended, "1");
    }
    // 1 is what writers say that know none.
    double stated = settings.findPositive(key("rope.scaling.yarn_attn_factor")).orElse(1);
    double attention = stated == 1 ? RopeScaling.Yarn.attentionFactor(factor) : stated;
    return settings.yarn(
        factor,
        attention * settings.findPositive(key("rope.scaling.attn_factor")).orElse(1),
        theta,
        key("rope.scaling.yarn_beta_fast"),
        key("rope.scaling.yarn_beta_slow"),
        originalContext(contextLength),
        true);
  }

  private int originalContext(int contextLength) {
    return settings.findSize(key("rope.scaling.original_context_length")).orElse(contextLength);
  }

  private RopeScaling longRope(double factor, int rotarySize, int contextLength) {
    return new RopeScaling.LongRope(
        divisors(SHORT_DIVISORS, factor, rotarySize),
        divisors(LONG_DIVISORS, factor, rotarySize),
        settings.findPositive(key("rope.scaling.attn_factor")).orElse(1),
        originalContext(contextLength));
  }

  private float[] divisors(String name, double factor, int rotarySize) {
    Tensor tensor = checkpoint.findF32(name).orElseGet(() -> checkpoint.tensor(name));
    if (tensor.rows() != 1 || tensor.columns() != rotarySize / 2) {
      throw settings.refusal(
          "tensor %s is [%d, %d], expected [1, %d]: convert the model again"
              .formatted(name, tensor.rows(), tensor.columns(), rotarySize / 2));
    }
    float[] divisors = tensor.data().toArray(ValueLayout.JAVA_FLOAT);
    for (int i = 0; i < divisors.length; i++) {
      divisors[i] *= (float) factor;
      if (!(divisors[i] > 0 && Float.isFinite(divisors[i]))) {
        throw settings.refusal(
            "tensor %s holds %s at element %d, expected a positive number: fetch the file again"
                .formatted(name, divisors[i], i));
      }
    }
    return divisors;
  }
}
