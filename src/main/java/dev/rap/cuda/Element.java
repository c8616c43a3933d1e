package dev.rap.cuda;

/** How activations, weights and KV are stored on the device, 2 bytes each; sums are F32. */
enum Element {
  F16,
  BF16;

  static final int BYTES = 2;
}
