package dev.rap.checkpoint;

import dev.rap.Sha256;
import dev.rap.checkpoint.GgufFiles.Writer;
import dev.rap.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.Random;

/**
 * The models of {@code scripts/golden-quantised.py}: Llama decoders of two layers whose matrices
 * are random bytes, but for the fields that would make values too large.
 */
public final class RandomBlocks {
  private static final int LAYERS = 2;
  private static final int HIDDEN = 256;
  private static final int QUERIES = 256;
  private static final int KEYS = 128;
  private static final int CHANNELS = 512;
  private static final int VOCABULARY = 32;
  private static final int SCALE = 0x1ff; // bits of an F16 that stay random

  private final DType type;
  private final Writer writer = new Writer();
  private final MessageDigest digest = Sha256.begin();

  /** A 16-bit field: which of its bits stay random, and what is set in it. */
  private record Field(int at, int kept, int fixed) {}

  private RandomBlocks(DType type) {
    this.type = type;
  }

  /**
   * {@return the model in {@code type}}
   *
   * @param sha256 of all its tensors, that the script saw
   */
  public static Writer model(DType type, String sha256) {
    RandomBlocks blocks = new RandomBlocks(type);
    blocks.addKeys();
    blocks.addTensors();
    String found = Sha256.end(blocks.digest);
    if (!found.equals(sha256)) {
      throw new AssertionError("is not the model of the script: " + found);
    }
    return blocks.writer;
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
    add(name, type, new long[] {rows, columns}, fields());
  }

  private void norm(String name) {
    add(name, DType.F32, new long[] {HIDDEN}, new Field(2, 0x007f, 0x3f00)); // in [0.5, 1)
  }

  private void add(String name, DType type, long[] shape, Field... fields) {
    long elements = shape[0] * (shape.length == 1 ? 1 : shape[1]);
    byte[] bytes = new byte[(int) type.byteSize(elements)];
    new Random(name.hashCode()).nextBytes(bytes);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int blockBytes = (int) type.byteSize(type.blockElements());
    for (int block = 0; block < bytes.length; block += blockBytes) {
      for (Field field : fields) {
        int at = block + field.at;
        buffer.putShort(at, (short) ((buffer.getShort(at) & field.kept) | field.fixed));
      }
    }
    digest.update(bytes);
    writer.tensor(name + ".weight", type.ggmlId(), shape, bytes);
  }

  private Field[] fields() {
    return switch (type) {
      case F32 -> new Field[] {new Field(2, 0x807f, 0x3d00)};
      case F16 -> new Field[] {new Field(0, 0x83ff, 0x2800)};
      case BF16 -> new Field[] {new Field(0, 0x807f, 0x3d00)};
      case Q8_0 -> new Field[] {new Field(0, SCALE, 0x1000)};
      case Q4_0 -> new Field[] {new Field(0, SCALE, 0x2000)};
      case Q4_1 -> new Field[] {new Field(0, SCALE, 0x2000), new Field(2, SCALE, 0xac00)};
      case Q5_0 -> new Field[] {new Field(0, SCALE, 0x1c00)};
      case Q5_1 -> new Field[] {new Field(0, SCALE, 0x1c00), new Field(2, SCALE, 0xac00)};
      case Q2_K -> new Field[] {new Field(80, SCALE, 0x1c00), new Field(82, SCALE, 0x1e00)};
      case Q3_K -> new Field[] {new Field(108, SCALE, 0x1400)};
      case Q4_K -> new Field[] {new Field(0, SCALE, 0x0c00), new Field(2, SCALE, 0x1800)};
      case Q5_K -> new Field[] {new Field(0, SCALE, 0x0800), new Field(2, SCALE, 0x1800)};
      case Q6_K -> new Field[] {new Field(208, 0x00ff, 0x0200)}; // a subnormal F16
    };
  }
}
