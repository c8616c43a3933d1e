package dev.rap.model;

/**
 * What a format calls the tensors of a Llama decoder, without {@code .weight} and {@code .bias}.
 */
enum TensorNames {
  GGUF("token_embd", "output_norm", "output", "blk."),
  HUGGING_FACE("model.embed_tokens", "model.norm", "lm_head", "model.layers.");

  /** The tensors of one layer. */
  enum Part {
    ATTENTION_NORM("attn_norm", "input_layernorm"),
    QUERY("attn_q", "self_attn.q_proj"),
    KEY("attn_k", "self_attn.k_proj"),
    VALUE("attn_v", "self_attn.v_proj"),
    ATTENTION_OUTPUT("attn_output", "self_attn.o_proj"),
    FEED_FORWARD_NORM("ffn_norm", "post_attention_layernorm"),
    GATE("ffn_gate", "mlp.gate_proj"),
    UP("ffn_up", "mlp.up_proj"),
    DOWN("ffn_down", "mlp.down_proj");

    private final String gguf;
    private final String huggingFace;

    Part(String gguf, String huggingFace) {
      this.gguf = gguf;
      this.huggingFace = huggingFace;
    }
  }

  private final String embedding;
  private final String outputNorm;
  private final String output;
  private final String layers;

  TensorNames(String embedding, String outputNorm, String output, String layers) {
    this.embedding = embedding;
    this.outputNorm = outputNorm;
    this.output = output;
    this.layers = layers;
  }

  String embedding() {
    return embedding;
  }

  String outputNorm() {
    return outputNorm;
  }

  String output() {
    return output;
  }

  String of(int layer, Part part) {
    return layers + layer + '.' + (this == GGUF ? part.gguf : part.huggingFace);
  }

  /** {@return whether this tensor says nothing that is not known from elsewhere} */
  boolean mayBeLeft(String name, boolean tied) {
    return switch (this) {
      case GGUF -> name.equals("rope_freqs.weight"); // part of the configuration
      case HUGGING_FACE ->
          name.endsWith(".rotary_emb.inv_freq") || (tied && name.equals(output + ".weight"));
    };
  }
}
