package dev.rap.cli;

import dev.rap.checkpoint.GgufFiles;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A model whose next token depends on the last one alone, so that its text is known beforehand: the
 * byte after a byte, unless told otherwise.
 *
 * <p>An embedding is one at the token's own place, its only layer adds zeros, and the output has a
 * one where a token's successor meets it: with hidden size 288 the successor's logit is sqrt(288) =
 * 17 and all others are 0.
 */
final class ChainModel {
  /** Token 256 ends a text. */
  static final int END = 256;

  private static final int TOKENS = 288;
  private static final int HEAD = 32;
  private static final int CONTEXT = 128;

  private static final String CHATML =
      """
      {% for message in messages %}
      {% if message.content == 'refuse' %}{{ raise_exception('No.') }}{% endif %}
      {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
      {%- endfor %}
      {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
      """;

  private ChainModel() {}

  /** {@return {@code file}, in which every byte is followed by the next one} */
  static Path write(Path file) {
    return write(file, Map.of(), List.of(), more -> {});
  }

  /** {@return {@code file}, of a model that answers "Hi" in ChatML, and refuses "refuse"} */
  static Path writeChat(Path file) {
    return write(
        file,
        Map.of((int) '\n', (int) 'H', (int) 'H', (int) 'i', (int) 'i', 258),
        List.of("<|im_start|>", "<|im_end|>"),
        more -> more.string("tokenizer.chat_template", CHATML));
  }

  /**
   * {@return {@code file}, which was written}
   *
   * @param successors of tokens that are not followed by the one with the next number
   * @param control tokens from 257 on
   * @param more is added to the file
   */
  static Path write(
      Path file,
      Map<Integer, Integer> successors,
      List<String> control,
      Consumer<GgufFiles.Writer> more) {
    float[] embedding = new float[TOKENS * TOKENS];
    float[] output = new float[TOKENS * TOKENS];
    for (int token = 0; token < TOKENS; token++) {
      embedding[token * TOKENS + token] = 1;
      output[successors.getOrDefault(token, (token + 1) % TOKENS) * TOKENS + token] = 1;
    }
    GgufFiles.Writer writer = header().byteTokenizer(TOKENS, control);
    tensor(writer, "token_embd", TOKENS, TOKENS, embedding);
    tensor(writer, "output", TOKENS, TOKENS, output);
    ones(writer, "output_norm");
    ones(writer, "blk.0.attn_norm");
    ones(writer, "blk.0.ffn_norm");
    for (String name : List.of("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up")) {
      tensor(writer, "blk.0." + name, HEAD, TOKENS, new float[HEAD * TOKENS]);
    }
    for (String name : List.of("attn_output", "ffn_down")) {
      tensor(writer, "blk.0." + name, TOKENS, HEAD, new float[HEAD * TOKENS]);
    }
    more.accept(writer);
    return writer.write(file);
  }

  private static GgufFiles.Writer header() {
    return new GgufFiles.Writer()
        .string("general.architecture", "llama")
        .uint32("llama.block_count", 1)
        .uint32("llama.context_length", CONTEXT)
        .uint32("llama.embedding_length", TOKENS)
        .uint32("llama.feed_forward_length", HEAD)
        .uint32("llama.attention.head_count", 1)
        .uint32("llama.attention.key_length", HEAD)
        .uint32("llama.attention.value_length", HEAD)
        .uint32("llama.rope.dimension_count", HEAD)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  }

  private static void tensor(
      GgufFiles.Writer writer, String name, int rows, int columns, float[] values) {
    writer.tensor(name + ".weight", DType.F32, new long[] {rows, columns}, values);
  }

  private static void ones(GgufFiles.Writer writer, String name) {
    float[] values = new float[TOKENS];
    Arrays.fill(values, 1);
    writer.tensor(name + ".weight", DType.F32, new long[] {TOKENS}, values);
  }
}
