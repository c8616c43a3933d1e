package dev.rap.kernels;

/** Which two of a head's elements that turn do so together. */
public enum RopePairing {
  /**
   * Elements 2i and 2i + 1: GGUF files of the llama architecture, whose rows are permuted for it.
   */
  INTERLEAVED,
  /** Elements i and i + rotarySize / 2: Hugging Face checkpoints. */
  HALVES
}
