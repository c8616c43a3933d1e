package dev.rap.cuda;

import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import dev.rap.model.Architecture;
import dev.rap.model.Architecture.LayerAttention;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the kernels of {@code kernels/rap_cuda.h} do not compute. */
final class KernelLimits {
  private static final Set<Integer> HEAD_SIZES = Set.of(32, 64, 96, 128);

  private KernelLimits() {}

  /** {@return what the kernels lack for a model, in words; empty if they can run it} */
  static Optional<String> lackFor(Weights weights) {
    ModelConfig config = weights.config();
    int heads = config.queryHeadsPerGroup();
    return Stream.of(
            shape("hidden size, a multiple of 64", config.hiddenSize(), d -> d % 64 == 0),
            shape(
                "feed-forward size, a multiple of 16", config.feedForwardSize(), f -> f % 16 == 0),
            shape("head size, 32, 64, 96 or 128", config.headSize(), HEAD_SIZES::contains),
            shape("query heads of a KV head, at most 16", heads, h -> h <= 16),
            operations(config, weights.layers().getFirst()))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private static Optional<String> shape(String what, int found, IntPredicate holds) {
    return holds.test(found)
        ? Optional.empty()
        : Optional.of(
            "the CUDA kernels need another %s, this model's is %d".formatted(what, found));
  }

  private static Optional<String> operations(ModelConfig config, Weights.Layer layer) {
    Architecture its = config.architecture();
    List<LayerAttention> layers = its.layers();
    float plainScale = AttentionRule.plain(config.headSize()).scale();
    String lacking =
        Stream.of(
                when(layers.stream().anyMatch(KernelLimits::isWindowed), "sliding windows"),
                when(
                    layers.stream().anyMatch(KernelLimits::hasOwnRope), "layers with a RoPE apart"),
                when(its.rotarySize() != config.headSize(), "RoPE on a part of a head"),
                when(layer.queryNorm().isPresent(), "norms of queries and keys"),
                when(layer.attentionPostNorm().isPresent(), "norms after sublayers"),
                when(its.scoreCap() > 0 || its.logitCap() > 0, "soft caps"),
                when(its.queryScale() != plainScale, "other query scales"),
                when(its.embeddingScale() != 1, "scaled embeddings"),
                when(its.activation() != Activation.SILU, "gates but SiLU"))
            .flatMap(Optional::stream)
            .collect(Collectors.joining(", "));
    return when(
        !lacking.isEmpty(),
        "the CUDA kernels have no %s, which this %s needs".formatted(lacking, its.family()));
  }

  private static boolean isWindowed(LayerAttention layer) {
    return layer.window() != AttentionRule.UNBOUNDED;
  }

  private static boolean hasOwnRope(LayerAttention layer) {
    return layer.rope() != Architecture.Rope.GLOBAL;
  }

  private static Optional<String> when(boolean holds, String text) {
    return holds ? Optional.of(text) : Optional.empty();
  }
}
