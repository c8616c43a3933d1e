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
  private final double[] radiansPerPosition; // [headSize / 2]

  public RopeFrequencies(ModelConfig config) {
    int pairs = config.headSize() / 2;
    radiansPerPosition = new double[pairs];
    for (int i = 0; i < pairs; i++) {
      double base = Math.pow(config.ropeTheta(), -2.0 * i / config.headSize());
      radiansPerPosition[i] =
          switch (config.ropeScaling()) {
            case RopeScaling.None none -> base;
            case RopeScaling.Llama3 llama3 -> scaled(base, llama3);
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

  /**
   * Writes the cosines, then the sines, of one position.
   *
   * @param cosSin float {@code [rows, headSize]}
   */
  public void write(MemorySegment cosSin, int row, int position) {
    int pairs = radiansPerPosition.length;
    long first = 2L * pairs * row;
    for (int i = 0; i < pairs; i++) {
      double angle = position * radiansPerPosition[i];
      cosSin.setAtIndex(ValueLayout.JAVA_FLOAT, first + i, (float) Math.cos(angle));
      cosSin.setAtIndex(ValueLayout.JAVA_FLOAT, first + pairs + i, (float) Math.sin(angle));
    }
  }
}
