package dev.rap.memory;

/**
 * Bytes by owner.
 *
 * @param weights embeddings, norms and retained units
 * @param kv keys and values of retained head groups
 * @param workspace activations and logits
 */
public record MemoryUse(long weights, long kv, long workspace) {

  /** {@return what a mask can free} */
  public long weightsAndKv() {
    return weights + kv;
  }

  /** {@return all bytes} */
  public long total() {
    return weights + kv + workspace;
  }
}
