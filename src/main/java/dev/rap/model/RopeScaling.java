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
   * YaRN: frequencies of few turns in the first training's context are divided by {@code factor},
   * those of many stay, and those between are blended.
   *
   * @param attentionFactor that rotated queries and keys are multiplied by
   * @param fastTurns from how many turns on a frequency stays
   * @param slowTurns up to how many turns it is divided
   * @param originalContext tokens of the first training
   * @param wholePairs whether the blend begins and ends at whole pairs
   * @see <a href="https://arxiv.org/abs/2309.00071">YaRN</a>, sections 3.2 and 3.4
   */
  record Yarn(
      double factor,
      double attentionFactor,
      double fastTurns,
      double slowTurns,
      int originalContext,
      boolean wholePairs)
      implements RopeScaling {
    /** {@return what the paper multiplies queries and keys by for this {@code factor}} */
    public static double attentionFactor(double factor) {
      return factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
    }
  }

  /**
   * Divisors stored in the model file, one a frequency (GGUF's {@code rope_freqs.weight}).
   *
   * @param divisors {@code [rotarySize / 2]}
   */
  @SuppressWarnings("ArrayRecordComponent") // read-only by contract, compared by nobody
  record Divisors(float[] divisors) implements RopeScaling {}
}
