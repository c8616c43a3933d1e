package dev.rap.engine;

/**
 * How the next token is drawn. Applied in this order: repetition penalty, temperature, top-k,
 * top-p, min-p, as Hugging Face Transformers does.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK most likely tokens that stay; 0 for all
 * @param topP the most likely tokens stay whose probabilities reach this together; 1 for all
 * @param minP tokens stay whose probability is at least this share of the highest; 0 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occurred
 *     before; 1 for none (CTRL, arXiv 1909.05858, section 4.1)
 * @param seed of the draws
 */
public record SamplingOptions(
    double temperature, int topK, double topP, double minP, double repetitionPenalty, long seed) {
  public static final SamplingOptions GREEDY = new SamplingOptions(0, 0, 1, 0, 1, 0);

  public SamplingOptions {
    if (!(temperature >= 0 && temperature <= 100)) {
      throw new IllegalArgumentException("temperature must be in [0, 100], was " + temperature);
    }
    if (topK < 0) {
      throw new IllegalArgumentException("topK must be 0 or more, was " + topK);
    }
    if (!(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("topP must be in (0, 1], was " + topP);
    }
    if (!(minP >= 0 && minP <= 1)) {
      throw new IllegalArgumentException("minP must be in [0, 1], was " + minP);
    }
    if (!(repetitionPenalty > 0 && repetitionPenalty <= 100)) {
      throw new IllegalArgumentException(
          "repetitionPenalty must be in (0, 100], was " + repetitionPenalty);
    }
  }

  /** {@return whether the likeliest token is drawn, without chance} */
  public boolean isGreedy() {
    return temperature == 0 || topK == 1;
  }
}
