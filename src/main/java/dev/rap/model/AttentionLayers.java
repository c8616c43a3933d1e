package dev.rap.model;

import dev.rap.kernels.AttentionRule;
import dev.rap.model.Architecture.LayerAttention;
import dev.rap.model.Architecture.Rope;
import dev.rap.model.Family.Trait;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/** Makes the layers of an {@link Architecture}. */
final class AttentionLayers {
  private AttentionLayers() {}

  /**
   * {@return one for each layer}
   *
   * @param window of layers that have one; none if it is {@link AttentionRule#UNBOUNDED}
   */
  static List<LayerAttention> of(
      Family family, int layers, int window, IntPredicate isWindowed, IntPredicate hasRope) {
    List<LayerAttention> all = new ArrayList<>();
    Map<LayerAttention, LayerAttention> distinct = new HashMap<>();
    for (int i = 0; i < layers; i++) {
      boolean windowed = isWindowed.test(i);
      Rope rope =
          !hasRope.test(i)
              ? Rope.NONE
              : windowed && family.has(Trait.LOCAL_ROPE) ? Rope.LOCAL : Rope.GLOBAL;
      LayerAttention layer = new LayerAttention(windowed ? window : AttentionRule.UNBOUNDED, rope);
      all.add(distinct.computeIfAbsent(layer, same -> same));
    }
    return all;
  }

  /** {@return the window, unless every sequence that the model was made for fits into it} */
  static int window(int stated, int contextLength) {
    return stated >= contextLength ? AttentionRule.UNBOUNDED : stated;
  }
}
