package dev.rap.model;

/** How RoPE frequencies are changed for contexts longer than those of the first training. */
public sealed interface RopeScaling {

  /** {@return what rotated queries and keys are multiplied by} */
  default double attentionFactor() {
    return 1;
  }

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
   * LongRoPE: each frequency has a divisor for contexts as long as those of the first training, and
   * another for longer ones. Which of them hold depends on the most tokens that a sequence may get,
   * not on how many it has, so that cached keys stay valid.
   *
   * @param shortDivisors {@code [rotarySize / 2]}
   * @param longDivisors likewise
   * @param attentionFactor that rotated queries and keys are multiplied by, in either case
   * @param originalContext tokens of the first training, at least 2
   * @see <a href="https://arxiv.org/abs/2402.13753">LongRoPE</a>
   */
  @SuppressWarnings("ArrayRecordComponent") // as of Divisors
  record LongRope(
      float[] shortDivisors, float[] longDivisors, double attentionFactor, int originalContext)
      implements RopeScaling {
    public LongRope {
      if (originalContext < 2) {
        throw new IllegalArgumentException(
            "the original context must be 2 tokens or more, was " + originalContext);
      }
    }

    /** {@return the usual factor of contexts that are {@code factor} times as long} */
    static double attentionFactor(double factor, int originalContext) {
      return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalContext));
    }

    /** {@return the divisors of contexts of so many tokens} */
    float[] divisors(int contextLength) {
      return contextLength > originalContext ? longDivisors : shortDivisors;
    }
  }

  /**
   * Dynamic NTK: beyond the context of the training, the base grows with the most tokens that a
   * sequence may get.
   *
   * @param factor how fast
   * @param originalContext most tokens of a sequence in training
   */
  record Dynamic(double factor, int originalContext) implements RopeScaling {

    /** {@return the base in contexts of so many tokens, in place of {@code theta}} */
    double theta(double theta, int rotarySize, int contextLength) {
      double longer = Math.max(0, (double) contextLength / originalContext - 1);
      return theta * Math.pow(1 + factor * longer, rotarySize / (rotarySize - 2.0));
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
