package dev.rap.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import dev.rap.kernels.RopePairing;
import java.nio.file.Path;

/**
 * Reads the configuration of a Llama decoder from {@code config.json}. What is left out there has
 * the default of transformers' {@code LlamaConfig}.
 */
final class HuggingFaceConfig {
  private static final String ARCHITECTURE = "LlamaForCausalLM";

  private final HuggingFaceCheckpoint checkpoint;
  private final Settings.Json settings;
  private final Settings.Json rope;

  HuggingFaceConfig(HuggingFaceCheckpoint checkpoint) {
    this.checkpoint = checkpoint;
    this.settings =
        new Settings.Json(checkpoint.path().resolve("config.json"), checkpoint.config());
    // Files written since transformers 5 have the second name.
    String key = settings.object().hasNonNull("rope_scaling") ? "rope_scaling" : "rope_parameters";
    this.rope = settings.object(key);
  }

  boolean tied() {
    return settings.flag("tie_word_embeddings");
  }

  ModelConfig read() {
    requireLlama();
    int queryHeads = settings.size("num_attention_heads");
    int headSize =
        settings.findSize("head_dim").orElseGet(() -> settings.headSize("hidden_size", queryHeads));
    return settings.consistent(
        () ->
            new ModelConfig(
                name(),
                settings.size("num_hidden_layers"),
                settings.size("hidden_size"),
                queryHeads,
                settings.findSize("num_key_value_heads").orElse(queryHeads),
                headSize,
                settings.size("intermediate_size"),
                settings.size("vocab_size"),
                settings.findSize("max_position_embeddings").orElse(2048),
                (float) settings.number("rms_norm_eps").orElse(1e-6),
                rope.number("rope_theta").orElse(settings.number("rope_theta").orElse(10_000)),
                ropeScaling(headSize),
                RopePairing.HALVES));
  }

  private String name() {
    Path folder = checkpoint.path().toAbsolutePath().normalize().getFileName();
    return folder == null ? "model" : folder.toString();
  }

  private void requireLlama() {
    JsonNode architectures = settings.object().path("architectures");
    boolean llama =
        (architectures.isMissingNode() || architectures.isNull())
            ? settings.string("model_type").orElse("").equals("llama")
            : architectures.size() == 1 && architectures.path(0).asText().equals(ARCHITECTURE);
    if (!llama) {
      throw settings.unsupported("architecture " + settings.shown("architectures"), ARCHITECTURE);
    }
    if (!settings.object("quantization_config").object().isEmpty()) {
      throw settings.unsupported(
          "quantised weights of its own kind", "F32, F16 and BF16, or GGUF files");
    }
    String activation = settings.string("hidden_act").orElse("silu");
    if (!activation.equals("silu")) {
      throw settings.unsupported("activation " + Settings.printable(activation), "silu");
    }
    double rotated =
        rope.number("partial_rotary_factor")
            .orElse(settings.number("partial_rotary_factor").orElse(1));
    if (rotated != 1) {
      throw settings.unsupported(
          "RoPE on %s of the dimensions".formatted(rotated), "RoPE on all dimensions");
    }
  }

  private RopeScaling ropeScaling(int headSize) {
    String kind = rope.string("rope_type").or(() -> rope.string("type")).orElse("default");
    return switch (kind) {
      case "default" -> new RopeScaling.None();
      case "linear" -> rope.linear(rope.positive("factor"), headSize);
      case "llama3" -> llama3();
      default ->
          throw settings.unsupported(
              "RoPE scaling of kind " + Settings.printable(kind), "default, linear, llama3");
    };
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
