package dev.rap.checkpoint;

import dev.rap.model.ModelConfig;
import dev.rap.model.RopeScaling;
import dev.rap.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Writes GGUF files for tests: small models of any shape and type, and files that lie. */
public final class GgufFiles {
  private GgufFiles() {}

  /** {@return {@code file}, which now holds {@code model}, without a tokenizer} */
  public static Path write(Path file, RandomLlama model) {
    return write(file, model, _ -> {});
  }

  /**
   * {@return {@code file}, which now holds {@code model} and what {@code more} adds}
   *
   * @param more for instance {@code writer -> writer.byteTokenizer(300)}
   */
  public static Path write(Path file, RandomLlama model, Consumer<Writer> more) {
    Writer writer = writer(model);
    more.accept(writer);
    return writer.write(file);
  }

  /** {@return a writer to which {@code model} was added} */
  public static Writer writer(RandomLlama model) {
    return writerWithout("", model);
  }

  /** {@return a writer to which {@code model} was added, less one tensor, in GGUF's naming} */
  public static Writer writerWithout(String absent, RandomLlama model) {
    ModelConfig config = model.config();
    Writer writer =
        new Writer()
            .string("general.architecture", "llama")
            .string("general.name", config.name())
            .uint32("llama.block_count", config.layers())
            .uint32("llama.context_length", config.contextLength())
            .uint32("llama.embedding_length", config.hiddenSize())
            .uint32("llama.feed_forward_length", config.feedForwardSize())
            .uint32("llama.attention.head_count", config.queryHeads())
            .uint32("llama.attention.head_count_kv", config.kvHeads())
            .uint32("llama.attention.key_length", config.headSize())
            .uint32("llama.attention.value_length", config.headSize())
            .uint32("llama.rope.dimension_count", config.headSize())
            .uint32("llama.vocab_size", config.vocabularySize())
            .float32("llama.rope.freq_base", (float) config.ropeTheta())
            .float32("llama.attention.layer_norm_rms_epsilon", config.rmsEps());
    for (RandomLlama.Stored tensor : model.tensors()) {
      String name = ggufName(tensor.name());
      if (!name.equals(absent)) {
        writer.tensor(name, tensor.dtype(), tensor.shape(), interleaved(config, tensor));
      }
    }
    if (!(config.ropeScaling() instanceof RopeScaling.None)) {
      float[] divisors = RandomLlama.ropeDivisors(config);
      writer.tensor("rope_freqs.weight", DType.F32, new long[] {divisors.length}, divisors);
    }
    return writer;
  }

  private static String ggufName(String name) {
    return name.replace("model.embed_tokens", "token_embd")
        .replace("model.norm", "output_norm")
        .replace("lm_head", "output")
        .replace("model.layers.", "blk.")
        .replace("input_layernorm", "attn_norm")
        .replace("post_attention_layernorm", "ffn_norm")
        .replace("self_attn.q_proj", "attn_q")
        .replace("self_attn.k_proj", "attn_k")
        .replace("self_attn.v_proj", "attn_v")
        .replace("self_attn.o_proj", "attn_output")
        .replace("mlp.gate_proj", "ffn_gate")
        .replace("mlp.up_proj", "ffn_up")
        .replace("mlp.down_proj", "ffn_down");
  }

  /** GGUF's Llamas pair dimensions 2i and 2i + 1 in RoPE, Hugging Face's i and i + Dh / 2. */
  private static float[] interleaved(ModelConfig config, RandomLlama.Stored tensor) {
    if (!tensor.name().contains("q_proj") && !tensor.name().contains("k_proj")) {
      return tensor.values();
    }
    int half = config.headSize() / 2;
    int rows = (int) tensor.shape()[0];
    int columns = tensor.values().length / rows;
    float[] moved = new float[tensor.values().length];
    for (int row = 0; row < rows; row++) {
      int within = row % config.headSize();
      int from = row - within + within / 2 + (within % 2) * half;
      System.arraycopy(tensor.values(), from * columns, moved, row * columns, columns);
    }
    return moved;
  }

  /** Collects keys and tensors, and whatever is to be wrong about them. */
  public static final class Writer {
    private final Output keys = new Output();
    private final Output tensors = new Output();
    private final Output data = new Output();
    private int version = 3;
    private int alignment = 32;
    private long keyCount;
    private long tensorCount;

    public Writer version(int number) {
      version = number;
      return this;
    }

    /** Also adds the key, so that readers know. */
    public Writer alignment(int bytes) {
      alignment = bytes;
      return uint32("general.alignment", bytes);
    }

    public Writer string(String key, String value) {
      return raw(key, GgufType.STRING, new Output().text(value));
    }

    public Writer uint32(String key, int value) {
      return raw(key, GgufType.UINT32, new Output().i32(value));
    }

    public Writer uint64(String key, long value) {
      return raw(key, GgufType.UINT64, new Output().i64(value));
    }

    public Writer float32(String key, float value) {
      return raw(key, GgufType.FLOAT32, new Output().i32(Float.floatToRawIntBits(value)));
    }

    public Writer flag(String key, boolean value) {
      return raw(key, GgufType.BOOL, new Output().i8(value ? 1 : 0));
    }

    public Writer strings(String key, List<String> values) {
      Output elements = new Output();
      values.forEach(elements::text);
      return array(key, GgufType.STRING, values.size(), elements);
    }

    public Writer integers(String key, int... values) {
      Output elements = new Output();
      for (int value : values) {
        elements.i32(value);
      }
      return array(key, GgufType.INT32, values.length, elements);
    }

    public Writer floats(String key, float... values) {
      Output elements = new Output();
      for (float value : values) {
        elements.i32(Float.floatToRawIntBits(value));
      }
      return array(key, GgufType.FLOAT32, values.length, elements);
    }

    /**
     * Adds a byte-level BPE tokenizer without merges: token i is byte i for i below 256, then
     * {@code <|endoftext|>}, the end token, then tokens without use up to {@code vocabularySize}.
     */
    public Writer byteTokenizer(int vocabularySize) {
      return byteTokenizer(vocabularySize, List.of());
    }

    /** Adds the same tokenizer, in which the tokens from 257 on steer the model. */
    public Writer byteTokenizer(int vocabularySize, List<String> control) {
      List<String> tokens = ByteVocabulary.tokens(vocabularySize);
      int[] types = new int[vocabularySize];
      for (int i = 0; i < vocabularySize; i++) {
        types[i] = i < 256 ? 1 : i <= 256 + control.size() ? 3 : 5; // normal, control, unused
      }
      for (int i = 0; i < control.size(); i++) {
        tokens.set(257 + i, control.get(i));
      }
      return string("tokenizer.ggml.model", "gpt2")
          .string("tokenizer.ggml.pre", "gpt-2")
          .strings("tokenizer.ggml.tokens", tokens)
          .integers("tokenizer.ggml.token_type", types)
          .strings("tokenizer.ggml.merges", List.of())
          .uint32("tokenizer.ggml.eos_token_id", 256);
    }

    /**
     * Adds a tensor.
     *
     * @param shape outermost dimension first
     */
    public Writer tensor(String name, DType dtype, long[] shape, float[] values) {
      return tensor(name, dtype.ggmlId(), shape, TensorBytes.encode(dtype, values));
    }

    /** Adds a tensor of any type, that number being what the file says. */
    public Writer tensor(String name, int type, long[] shape, byte[] bytes) {
      data.align(alignment);
      declare(name, type, shape, data.size());
      data.bytes(bytes);
      return this;
    }

    /** Adds a tensor without data, which is wherever {@code offset} says. */
    Writer declare(String name, int type, long[] shape, long offset) {
      tensors.text(name).i32(shape.length);
      for (int i = shape.length - 1; i >= 0; i--) {
        tensors.i64(shape[i]);
      }
      tensors.i32(type).i64(offset);
      tensorCount++;
      return this;
    }

    Writer array(String key, GgufType type, long count, Output elements) {
      return raw(
          key, GgufType.ARRAY, new Output().i32(type.number()).i64(count).bytes(elements.all()));
    }

    Writer raw(String key, GgufType type, Output value) {
      keys.text(key).i32(type.number()).bytes(value.all());
      keyCount++;
      return this;
    }

    byte[] bytes() {
      return bytes(tensorCount, keyCount);
    }

    /** {@return the file, with counts that need not be right} */
    byte[] bytes(long statedTensors, long statedKeys) {
      Output file = new Output();
      file.bytes("GGUF".getBytes(StandardCharsets.US_ASCII)).i32(version);
      file.i64(statedTensors).i64(statedKeys).bytes(keys.all()).bytes(tensors.all());
      return file.align(alignment).bytes(data.all()).align(alignment).all();
    }

    /** {@return {@code file}, which was written} */
    public Path write(Path file) {
      try {
        return Files.write(file, bytes());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Little-endian bytes that grow. */
  static final class Output {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Output i8(int value) {
      bytes.write(value);
      return this;
    }

    Output i32(int value) {
      return bytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    Output i64(long value) {
      return bytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    }

    Output text(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      return i64(utf8.length).bytes(utf8);
    }

    Output bytes(byte[] more) {
      bytes.writeBytes(more);
      return this;
    }

    Output align(int alignment) {
      return bytes(new byte[Math.floorMod(-bytes.size(), alignment)]);
    }

    int size() {
      return bytes.size();
    }

    byte[] all() {
      return bytes.toByteArray();
    }
  }
}
