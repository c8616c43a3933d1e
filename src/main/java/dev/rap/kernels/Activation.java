package dev.rap.kernels;

/** What a feed-forward sublayer's gate goes through. */
public enum Activation {
  /** x / (1 + exp(-x)). */
  SILU,
  /** x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), near the Gaussian error linear unit. */
  GELU_TANH
}
