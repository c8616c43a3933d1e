package dev.rap.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import dev.rap.kernels.RopePairing;
import dev.rap.model.Architecture.LayerAttention;
import dev.rap.model.Family.Trait;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * Reads the configuration of a decoder from {@code config.json}. What is left out there has the
 * default of transformers' class; what is null there is not there.
 */
final class HuggingFaceConfig {
  // Of a model that also reads images, the decoder is used.
  private static final String WITH_IMAGES = "Gemma3ForConditionalGeneration";
  private static final List<String> DECODERS_BESIDE_IMAGES =
      List.of("language_model.model.", "model.language_model.");
  private static final Set<String> IMAGE_PARTS =
      Set.of(
          "vision_tower.",
          "multi_modal_projector.",
          "model.vision_tower.",
          "model.multi_modal_projector.",
          "language_model.lm_head.");

  private final HuggingFaceCheckpoint checkpoint;
  private final Family family;
  private final boolean withImages;
  private final Settings.Json settings;
  private final Settings.Json rope;
  private final Settings.Json localRope;

  HuggingFaceConfig(HuggingFaceCheckpoint checkpoint) {
    this.checkpoint = checkpoint;
    Settings.Json all =
        new Settings.Json(checkpoint.path().resolve("config.json"), checkpoint.config());
    this.withImages = name(all).equals(WITH_IMAGES);
    this.family = family(all);
    this.settings = withDefaults(withImages ? all.object("text_config") : all, family);
    Settings.Json parameters = settings.object("rope_parameters");
    Settings.Json global = parameters.object("full_attention");
    // Files written since transformers 5 have the second name, and one for each kind of layer.
    this.rope =
        settings.object().hasNonNull("rope_scaling")
            ? settings.object("rope_scaling")
            : global.object().isEmpty() ? parameters : global;
    this.localRope = parameters.object("sliding_attention");
  }

  private static String name(Settings.Json all) {
    JsonNode architectures = all.object().path("architectures");
    return architectures.size() == 1 ? architectures.path(0).asText() : "";
  }

  private static Family family(Settings.Json all) {
    JsonNode architectures = all.object().path("architectures");
    Optional<Family> found =
        name(all).equals(WITH_IMAGES)
            ? Optional.of(Family.GEMMA3)
            : architectures.isMissingNode() || architectures.isNull()
                ? Family.ofModelType(all.string("model_type").orElse(""))
                : Family.ofArchitecture(name(all));
    return found.orElseThrow(
        () ->
            all.unsupported("architecture " + all.shown("architectures"), Family.architectures()));
  }

  private static Settings.Json withDefaults(Settings.Json stated, Family family) {
    try {
      ObjectNode merged = (ObjectNode) new ObjectMapper().readTree(family.defaults());
      if (stated.object() instanceof ObjectNode object) {
        merged.setAll(object);
      }
      return new Settings.Json(stated.source(), merged);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the defaults of " + family, e);
    }
  }

  boolean tied() {
    return settings.flag("tie_word_embeddings");
  }

  TensorNames names() {
    if (withImages) {
      for (String decoder : DECODERS_BESIDE_IMAGES) {
        if (checkpoint.names().contains(decoder + "embed_tokens.weight")) {
          return TensorNames.huggingFace(family, decoder, IMAGE_PARTS);
        }
      }
    }
    return TensorNames.huggingFace(family, "model.", Set.of());
  }

  ModelConfig read() {
    requireSupported();
    int layers = settings.size("num_hidden_layers");
    int queryHeads = settings.size("num_attention_heads");
    int headSize =
        settings.findSize("head_dim").orElseGet(() -> settings.headSize("hidden_size", queryHeads));
    int rotarySize = rotarySize(headSize);
    int trained = settings.findSize("max_position_embeddings").orElse(2048);
    int contextLength = contextLength(trained);
    double theta = rope.number("rope_theta").orElse(settings.number("rope_theta").orElse(10_000));
    return settings.consistent(
        () ->
            new ModelConfig(
                name(),
                layers,
                settings.size("hidden_size"),
                queryHeads,
                settings.findSize("num_key_value_heads").orElse(queryHeads),
                headSize,
                settings.size("intermediate_size"),
                settings.size("vocab_size"),
                contextLength,
                (float) settings.number("rms_norm_eps").orElse(1e-6),
                theta,
                ropeScaling(rotarySize, theta, trained),
                RopePairing.HALVES,
                architecture(layers, headSize, rotarySize, contextLength)));
  }

  private String name() {
    Path folder = checkpoint.path().toAbsolutePath().normalize().getFileName();
    return folder == null ? "model" : folder.toString();
  }

  private void requireSupported() {
    if (!settings.object("quantization_config").object().isEmpty()) {
      throw settings.unsupported(
          "quantised weights of its own kind", "F32, F16 and BF16, or GGUF files");
    }
    if (settings.flag("use_bidirectional_attention")) {
      throw settings.unsupported("attention to later tokens", "attention to earlier ones");
    }
    String local = localRope.string("rope_type").orElse("default");
    if (!local.equals("default")) {
      throw settings.unsupported(
          "RoPE scaling of kind %s in layers with a window".formatted(Settings.printable(local)),
          "default");
    }
  }

  private int rotarySize(int headSize) {
    String key = "partial_rotary_factor";
    double part = rope.findPositive(key).orElseGet(() -> settings.findPositive(key).orElse(1));
    if (part > 1) {
      throw settings.refusal(
          "sets %s to %s, expected at most 1: fetch it again".formatted(key, part));
    }
    return settings.rotarySize(family, (int) (part * headSize), headSize);
  }

  private Architecture architecture(int layers, int headSize, int rotarySize, int contextLength) {
    boolean gemma = family.has(Trait.GEMMA);
    AttentionRule plain = AttentionRule.plain(headSize);
    return new Architecture(
        family.title(),
        activation(gemma ? "hidden_activation" : "hidden_act"),
        gemma ? (float) Math.sqrt(settings.size("hidden_size")) : 1,
        gemma ? (float) (1 / Math.sqrt(settings.positive("query_pre_attn_scalar"))) : plain.scale(),
        gemma ? settings.softCap("attn_logit_softcapping") : 0,
        gemma ? settings.softCap("final_logit_softcapping") : 0,
        rotarySize,
        family.has(Trait.LOCAL_ROPE)
            ? localRope
                .findPositive("rope_theta")
                .orElseGet(() -> settings.positive("rope_local_base_freq"))
            : 0,
        layers(layers, contextLength));
  }

  private Activation activation(String key) {
    String name = settings.string(key).orElse("silu");
    return switch (name) {
      case "silu" -> Activation.SILU;
      case "gelu_pytorch_tanh" -> Activation.GELU_TANH;
      default ->
          throw settings.unsupported(
              "activation " + Settings.printable(name), "silu, gelu_pytorch_tanh");
    };
  }

  private List<LayerAttention> layers(int layers, int contextLength) {
    IntPredicate hasRope = family.has(Trait.LAYERS_WITHOUT_ROPE) ? hasRope(layers) : _ -> true;
    OptionalInt window = settings.findSize("sliding_window");
    return AttentionLayers.of(
        family,
        layers,
        AttentionLayers.window(window.orElse(AttentionRule.UNBOUNDED), contextLength),
        isWindowed(layers, hasRope),
        hasRope);
  }

  private IntPredicate hasRope(int layers) {
    JsonNode listed = list("no_rope_layers", layers);
    if (listed.isArray()) {
      return layer -> listed.get(layer).asInt() != 0;
    }
    int interval = settings.size("no_rope_layer_interval");
    return layer -> (layer + 1) % interval != 0;
  }

  private IntPredicate isWindowed(int layers, IntPredicate hasRope) {
    if (family.windows() == Family.Windows.NONE) {
      return _ -> false;
    }
    JsonNode listed = list("layer_types", layers);
    if (listed.isArray()) {
      listed.forEach(this::requireKnown);
      return layer -> listed.get(layer).asText().equals("sliding_attention");
    }
    return switch (family.windows()) {
      case NONE -> _ -> false;
      case ALL -> _ -> true;
      case FROM_A_LAYER -> {
        long first = settings.integer("max_window_layers").orElse(0);
        yield settings.flag("use_sliding_window") ? layer -> layer >= first : _ -> false;
      }
      case BUT_EVERY_NTH -> {
        int pattern = settings.size("sliding_window_pattern");
        yield layer -> (layer + 1) % pattern != 0;
      }
      case WITHOUT_ROPE -> settings.flag("use_sliding_window") ? hasRope.negate() : _ -> false;
    };
  }

  private void requireKnown(JsonNode kind) {
    if (!kind.asText().equals("sliding_attention") && !kind.asText().equals("full_attention")) {
      throw settings.unsupported(
          "layers of kind " + Settings.printable(kind.asText()),
          "full_attention, sliding_attention");
    }
  }

  // A value a layer, or nothing.
  private JsonNode list(String key, int layers) {
    JsonNode value = settings.object().path(key);
    if (!value.isMissingNode() && !value.isNull() && (!value.isArray() || value.size() != layers)) {
      throw settings.refusal(
          "sets %s to %s, expected a list of %d: fetch it again"
              .formatted(key, settings.shown(key), layers));
    }
    return value;
  }

  private String ropeScalingKind() {
    return rope.string("rope_type").or(() -> rope.string("type")).orElse("default");
  }

  // A model of dynamic scaling is for contexts so many times as long as those of its training.
  private int contextLength(int trained) {
    return ropeScalingKind().equals("dynamic")
        ? Math.clamp((long) (rope.positive("factor") * trained), trained, Settings.MOST)
        : trained;
  }

  private RopeScaling ropeScaling(int rotarySize, double theta, int contextLength) {
    String kind = ropeScalingKind();
    return switch (kind) {
      case "default" -> new RopeScaling.None();
      case "linear" -> rope.linear(rope.positive("factor"), rotarySize);
      case "llama3" -> llama3();
      case "yarn" -> yarn(theta, contextLength);
      case "dynamic" -> new RopeScaling.Dynamic(rope.positive("factor"), contextLength);
      case "longrope", "su" -> longRope(rotarySize / 2, contextLength);
      default ->
          throw settings.unsupported(
              "RoPE scaling of kind " + Settings.printable(kind),
              "default, linear, llama3, yarn, longrope, dynamic");
    };
  }

  private int originalContext(int contextLength) {
    String key = "original_max_position_embeddings";
    return rope.findSize(key).orElseGet(() -> settings.findSize(key).orElse(contextLength));
  }

  private RopeScaling longRope(int pairs, int contextLength) {
    int original = originalContext(contextLength);
    double factor = rope.findPositive("factor").orElse((double) contextLength / original);
    return new RopeScaling.LongRope(
        rope.positives("short_factor", pairs),
        rope.positives("long_factor", pairs),
        rope.findPositive("attention_factor")
            .orElseGet(() -> RopeScaling.LongRope.attentionFactor(factor, original)),
        original);
  }

  private RopeScaling yarn(double theta, int contextLength) {
    int original = originalContext(contextLength);
    double factor = rope.findPositive("factor").orElse((double) contextLength / original);
    double attention =
        rope.findPositive("attention_factor").orElseGet(() -> attentionFactor(factor));
    boolean wholePairs = !rope.object().has("truncate") || rope.flag("truncate");
    return rope.yarn(factor, attention, theta, "beta_fast", "beta_slow", original, wholePairs);
  }

  // Some models weigh the logarithm in the paper's factor, and divide by another such factor.
  private double attentionFactor(double factor) {
    double numerator = rope.number("mscale").orElse(0);
    double denominator = rope.number("mscale_all_dim").orElse(0);
    double usual = RopeScaling.Yarn.attentionFactor(factor);
    return numerator == 0 || denominator == 0
        ? usual
        : ((usual - 1) * numerator + 1) / ((usual - 1) * denominator + 1);
  }

  private RopeScaling llama3() {
    double lowFactor = rope.positive("low_freq_factor");
    double highFactor = rope.positive("high_freq_factor");
    if (lowFactor >= highFactor) {
      throw rope.refusal(
          "sets low_freq_factor to %s and high_freq_factor to %s, expected less and more: fetch it again"
              .formatted(lowFactor, highFactor));
    }
    return new RopeScaling.Llama3(
        rope.positive("factor"),
        lowFactor,
        highFactor,
        rope.size("original_max_position_embeddings"));
  }
}
