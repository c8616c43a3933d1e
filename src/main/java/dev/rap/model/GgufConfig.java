package dev.rap.model;

import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.kernels.RopePairing;
import dev.rap.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Reads the configuration of a Llama decoder from GGUF metadata. */
final class GgufConfig {
  private static final String ROPE_DIVISORS = "rope_freqs.weight";
  private static final String ROPE_FACTOR = "llama.rope.scaling.factor";

  private final GgufCheckpoint checkpoint;
  private final Settings settings;

  GgufConfig(GgufCheckpoint checkpoint) {
    this.checkpoint = checkpoint;
    this.settings = new Settings.Gguf(checkpoint);
  }

  /** {@return whether the output projection is the embedding table, since there is no other} */
  boolean tied() {
    return !checkpoint.names().contains(TensorNames.GGUF.output() + ".weight");
  }

  ModelConfig read() {
    requireLlama();
    int queryHeads = settings.size("llama.attention.head_count");
    int headSize = headSize(queryHeads);
    return settings.consistent(
        () ->
            new ModelConfig(
                settings
                    .string("general.name")
                    .map(Settings::printable)
                    .orElse(checkpoint.path().getFileName().toString()),
                settings.size("llama.block_count"),
                settings.size("llama.embedding_length"),
                queryHeads,
                settings.findSize("llama.attention.head_count_kv").orElse(queryHeads),
                headSize,
                settings.size("llama.feed_forward_length"),
                vocabularySize(),
                settings.size("llama.context_length"),
                (float) settings.positive("llama.attention.layer_norm_rms_epsilon"),
                settings.number("llama.rope.freq_base").orElse(10_000),
                ropeScaling(headSize),
                RopePairing.INTERLEAVED));
  }

  private void requireLlama() {
    String key = "general.architecture";
    String architecture = settings.string(key).orElseThrow(() -> settings.missing(key));
    if (!architecture.equals("llama")) {
      throw settings.unsupported("architecture " + Settings.printable(architecture), "llama");
    }
    if (settings.integer("llama.expert_count").orElse(0) > 0) {
      throw settings.unsupported("a mixture of experts", "one feed-forward sublayer a layer");
    }
    if (settings.integer("llama.attention.sliding_window").orElse(0) > 0) {
      throw settings.unsupported("sliding-window attention", "attention to all earlier tokens");
    }
  }

  private int headSize(int queryHeads) {
    int headSize =
        settings
            .findSize("llama.attention.key_length")
            .orElseGet(() -> settings.headSize("llama.embedding_length", queryHeads));
    int valueSize = settings.findSize("llama.attention.value_length").orElse(headSize);
    if (valueSize != headSize) {
      throw settings.unsupported(
          "values of %d elements beside keys of %d".formatted(valueSize, headSize), "equal sizes");
    }
    int rotated = settings.findSize("llama.rope.dimension_count").orElse(headSize);
    if (rotated != headSize) {
      throw settings.unsupported(
          "RoPE on %d of %d dimensions".formatted(rotated, headSize), "RoPE on all dimensions");
    }
    return headSize;
  }

  private int vocabularySize() {
    OptionalInt tokens = checkpoint.length("tokenizer.ggml.tokens");
    return tokens.isPresent() && tokens.getAsInt() > 0
        ? tokens.getAsInt()
        : checkpoint.tensor(TensorNames.GGUF.embedding() + ".weight").rows();
  }

  private RopeScaling ropeScaling(int headSize) {
    double factor = linearFactor();
    Optional<Tensor> stored = checkpoint.findF32(ROPE_DIVISORS);
    if (stored.isEmpty()) {
      return factor == 1 ? new RopeScaling.None() : settings.linear(factor, headSize);
    }
    Tensor tensor = stored.orElseThrow();
    if (tensor.rows() != 1 || tensor.columns() != headSize / 2) {
      throw settings.refusal(
          "tensor %s is [%d, %d], expected [1, %d]: convert the model again"
              .formatted(ROPE_DIVISORS, tensor.rows(), tensor.columns(), headSize / 2));
    }
    float[] divisors = tensor.data().toArray(ValueLayout.JAVA_FLOAT);
    for (int i = 0; i < divisors.length; i++) {
      divisors[i] *= (float) factor;
      if (!(divisors[i] > 0 && Float.isFinite(divisors[i]))) {
        throw settings.refusal(
            "tensor %s holds %s at element %d, expected a positive number: fetch the file again"
                .formatted(ROPE_DIVISORS, divisors[i], i));
      }
    }
    return new RopeScaling.Divisors(divisors);
  }

  private double linearFactor() {
    OptionalDouble factor = settings.number(ROPE_FACTOR);
    // Files older than the second kind name none.
    String unnamed = factor.isPresent() ? "linear" : "none";
    String kind = settings.string("llama.rope.scaling.type").orElse(unnamed);
    return switch (kind) {
      case "none" -> 1;
      case "linear" -> factor.isPresent() ? settings.positive(ROPE_FACTOR) : 1;
      default ->
          throw settings.unsupported(
              "RoPE scaling of kind " + Settings.printable(kind),
              "none, linear, divisors in " + ROPE_DIVISORS);
    };
  }
}
