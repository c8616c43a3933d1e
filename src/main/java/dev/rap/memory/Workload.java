package dev.rap.memory;

/**
 * What is asked of the model now.
 *
 * @param sequences running at once, the paper's b
 * @param contextLength tokens of each, the paper's s
 */
public record Workload(int sequences, int contextLength) {
  public Workload {
    if (sequences < 1 || contextLength < 1) {
      throw new IllegalArgumentException(
          "sequences and contextLength must be positive, were %d and %d"
              .formatted(sequences, contextLength));
    }
  }

  /** {@return tokens of all sequences together, b * s} */
  public long tokens() {
    return (long) sequences * contextLength;
  }
}
