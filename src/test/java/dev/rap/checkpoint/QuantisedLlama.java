package dev.rap.checkpoint;

import dev.rap.Sha256;
import dev.rap.checkpoint.GgufFiles.Writer;
import dev.rap.tensor.DType;
import java.security.MessageDigest;

/**
 * The models of {@code scripts/golden-quantised.py}: Llama decoders of two layers, of {@link
 * RandomBlocks}.
 */
public final class QuantisedLlama {
  private static final int LAYERS = 2;
  private static final int HIDDEN = 256;
  private static final int QUERIES = 256;
  private static final int KEYS = 128;
  private static final int CHANNELS = 512;
  private static final int VOCABULARY = 32;

  private final DType type;
  private final Writer writer = new Writer();
  private final MessageDigest digest = Sha256.begin();

  private QuantisedLlama(DType type) {
    this.type = type;
  }

  /**
   * {@return the model in {@code type}}
   *
   * @param sha256 of all its tensors, that the script saw
   */
  public static Writer model(DType type, String sha256) {
    QuantisedLlama llama = new QuantisedLlama(type);
    llama.addKeys();
    llama.addTensors();
    String found = Sha256.end(llama.digest);
    if (!found.equals(sha256)) {
      throw new AssertionError("is not the model of the script: " + found);
    }
    return llama.writer;
  }

  private void addKeys() {
    writer
        .string("general.architecture", "llama")
        .uint32("llama.block_count", LAYERS)
        .uint32("llama.context_length", 64)
        .uint32("llama.embedding_length", HIDDEN)
        .uint32("llama.feed_forward_length", CHANNELS)
        .uint32("llama.attention.head_count", 4)
        .uint32("llama.attention.head_count_kv", 2)
        .uint32("llama.rope.dimension_count", 64)
        .uint32("llama.vocab_size", VOCABULARY)
        .float32("llama.rope.freq_base", 10_000)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  }

  private void addTensors() {
    matrix("token_embd", VOCABULARY, HIDDEN);
    for (int i = 0; i < LAYERS; i++) {
      String layer = "blk." + i + ".";
      norm(layer + "attn_norm");
      matrix(layer + "attn_q", QUERIES, HIDDEN);
      matrix(layer + "attn_k", KEYS, HIDDEN);
      matrix(layer + "attn_v", KEYS, HIDDEN);
      matrix(layer + "attn_output", HIDDEN, QUERIES);
      norm(layer + "ffn_norm");
      matrix(layer + "ffn_gate", CHANNELS, HIDDEN);
      matrix(layer + "ffn_up", CHANNELS, HIDDEN);
      matrix(layer + "ffn_down", HIDDEN, CHANNELS);
    }
    norm("output_norm");
  }

  private void matrix(String name, int rows, int columns) {
    long[] shape = {rows, columns};
    add(name, type, shape, RandomBlocks.matrix(name, type, (long) rows * columns));
  }

  private void norm(String name) {
    add(name, DType.F32, new long[] {HIDDEN}, RandomBlocks.norm(name, HIDDEN));
  }

  private void add(String name, DType stored, long[] shape, byte[] bytes) {
    digest.update(bytes);
    writer.tensor(name + ".weight", stored.ggmlId(), shape, bytes);
  }
}
