package dev.rap.kernels;

/** Which two elements of a head are rotated together. */
public enum RopePairing {
  /**
   * Elements 2i and 2i + 1: GGUF files of the llama architecture, whose rows are permuted for it.
   */
  INTERLEAVED,
  /** Elements i and i + headSize / 2: Hugging Face checkpoints. */
  HALVES
}
