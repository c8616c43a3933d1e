package dev.rap.model;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The angle by which RoPE turns each pair of a head, per position.
 *
 * <p>Immutable.
 *
 * @see <a href="https://arxiv.org/abs/2104.09864">RoFormer</a>, section 3.2.2
 */
public final class RopeFrequencies {
  private final double[] radiansPerPosition; // [rotarySize / 2]
  private final double length; // of what was turned

  /**
   * The frequencies of a model, or of those layers that have no others.
   *
   * @param contextLength most tokens of a sequence
   */
  public RopeFrequencies(ModelConfig config, int contextLength) {
    this(
        config.architecture().rotarySize(),
        config.ropeTheta(),
        config.ropeScaling(),
        contextLength);
  }

  RopeFrequencies(int rotarySize, double theta, RopeScaling scaling, int contextLength) {
    radiansPerPosition = new double[rotarySize / 2];
    length = scaling.attentionFactor();
    for (int i = 0; i < radiansPerPosition.length; i++) {
      double base = Math.pow(theta, -2.0 * i / rotarySize);
      radiansPerPosition[i] =
          switch (scaling) {
            case RopeScaling.None none -> base;
            case RopeScaling.Dynamic dynamic ->
                Math.pow(dynamic.theta(theta, rotarySize, contextLength), -2.0 * i / rotarySize);
            case RopeScaling.Llama3 llama3 -> scaled(base, llama3);
            case RopeScaling.Yarn yarn -> scaled(base, i, rotarySize, theta, yarn);
            case RopeScaling.LongRope longRope -> base / longRope.divisors(contextLength)[i];
            case RopeScaling.Divisors divisors -> base / divisors.divisors()[i];
          };
    }
  }

  // Between the two wavelengths the unscaled and the scaled frequency are blended linearly in
  // originalContext / wavelength.
  private static double scaled(double base, RopeScaling.Llama3 llama3) {
    double turns = llama3.originalContext() * base / (2 * Math.PI);
    double keep = (turns - llama3.lowFactor()) / (llama3.highFactor() - llama3.lowFactor());
    double share = Math.clamp(keep, 0, 1);
    return share * base + (1 - share) * base / llama3.factor();
  }

  // Linear in the number of the pair, between the pairs of fastTurns and slowTurns.
  private static double scaled(
      double base, int pair, int rotarySize, double theta, RopeScaling.Yarn yarn) {
    double fast = pairOf(yarn.fastTurns(), rotarySize, theta, yarn.originalContext());
    double slow = pairOf(yarn.slowTurns(), rotarySize, theta, yarn.originalContext());
    double low = Math.max(yarn.wholePairs() ? Math.floor(fast) : fast, 0);
    double high = Math.min(yarn.wholePairs() ? Math.ceil(slow) : slow, rotarySize - 1);
    double width = low == high ? 0.001 : high - low;
    double divided = Math.clamp((pair - low) / width, 0, 1);
    return divided * base / yarn.factor() + (1 - divided) * base;
  }

  // The pair whose frequency makes so many turns in the context.
  private static double pairOf(double turns, int rotarySize, double theta, int context) {
    return rotarySize * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  /**
   * Writes the cosines, then the sines, of one position.
   *
   * @param cosSin float {@code [rows, rotarySize]}
   */
  public void write(MemorySegment cosSin, int row, int position) {
    int pairs = radiansPerPosition.length;
    long first = 2L * pairs * row;
    for (int i = 0; i < pairs; i++) {
      double angle = position * radiansPerPosition[i];
      cosSin.setAtIndex(ValueLayout.JAVA_FLOAT, first + i, (float) (length * Math.cos(angle)));
      cosSin.setAtIndex(
          ValueLayout.JAVA_FLOAT, first + pairs + i, (float) (length * Math.sin(angle)));
    }
  }
}
