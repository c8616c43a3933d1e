package dev.rap.model;

import dev.rap.kernels.TokenBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.function.IntFunction;

/** The angles of a step's tokens, for each RoPE that some layer has. */
final class Rotations {
  private final Architecture architecture;
  private final RopeFrequencies global;
  private final MemorySegment globalCosSin; // [T, rotarySize]
  private final Optional<RopeFrequencies> local;
  private final MemorySegment localCosSin; // [T, rotarySize], if there is a local one

  /**
   * @param contextLength most tokens of a sequence
   * @param allocate so many floats for each token of a step
   */
  Rotations(ModelConfig config, int contextLength, IntFunction<MemorySegment> allocate) {
    this.architecture = config.architecture();
    this.global = new RopeFrequencies(config, contextLength);
    int rotarySize = architecture.rotarySize();
    this.globalCosSin = allocate.apply(rotarySize);
    this.local =
        architecture.hasLocalRope()
            ? Optional.of(
                new RopeFrequencies(
                    rotarySize,
                    architecture.localRopeTheta(),
                    new RopeScaling.None(),
                    contextLength))
            : Optional.empty();
    this.localCosSin = local.isPresent() ? allocate.apply(rotarySize) : MemorySegment.NULL;
  }

  void write(TokenBatch batch) {
    for (int t = 0; t < batch.tokens(); t++) {
      int position = batch.positions().getAtIndex(ValueLayout.JAVA_INT, t);
      global.write(globalCosSin, t, position);
      if (local.isPresent()) {
        local.get().write(localCosSin, t, position);
      }
    }
  }

  /**
   * {@return cosines and sines of a layer's angles, {@code [T, rotarySize]}; empty if it has no
   * RoPE}
   */
  Optional<MemorySegment> of(int layer) {
    return switch (architecture.layers().get(layer).rope()) {
      case GLOBAL -> Optional.of(globalCosSin);
      case LOCAL -> Optional.of(localCosSin);
      case NONE -> Optional.empty();
    };
  }
}
