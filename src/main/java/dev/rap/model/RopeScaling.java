package dev.rap.model;

/** How RoPE frequencies are changed for contexts longer than those of the first training. */
public sealed interface RopeScaling {

  /** Frequencies as they are. */
  record None() implements RopeScaling {}

  /**
   * Llama 3.1: long wavelengths are divided by {@code factor}, short ones stay, those between are
   * blended.
   *
   * @param originalContext tokens of the first training
   */
  record Llama3(double factor, double lowFactor, double highFactor, int originalContext)
      implements RopeScaling {}

  /**
   * Divisors stored in the model file, one a frequency (GGUF's {@code rope_freqs.weight}).
   *
   * @param divisors {@code [headSize / 2]}
   */
  @SuppressWarnings("ArrayRecordComponent") // read-only by contract, compared by nobody
  record Divisors(float[] divisors) implements RopeScaling {}
}
