package dev.rap.model;

import java.util.Set;

/**
 * What a format calls the tensors of a decoder, without {@code .weight} and {@code .bias}.
 *
 * @param isGguf whether parts have their names in GGUF files
 * @param layers prefix of the tensors of layers
 * @param ignored prefixes of what belongs to other parts of a model than its decoder
 */
record TensorNames(
    Family family,
    boolean isGguf,
    String embedding,
    String outputNorm,
    String output,
    String layers,
    Set<String> ignored) {

  /** The tensors of one layer. */
  enum Part {
    ATTENTION_NORM("attn_norm", "input_layernorm"),
    QUERY("attn_q", "self_attn.q_proj"),
    KEY("attn_k", "self_attn.k_proj"),
    VALUE("attn_v", "self_attn.v_proj"),
    QUERY_KEY_VALUE("attn_qkv", "self_attn.qkv_proj"),
    QUERY_NORM("attn_q_norm", "self_attn.q_norm"),
    KEY_NORM("attn_k_norm", "self_attn.k_norm"),
    ATTENTION_OUTPUT("attn_output", "self_attn.o_proj"),
    ATTENTION_POST_NORM("post_attention_norm", "post_attention_layernorm"),
    FEED_FORWARD_NORM("ffn_norm", "post_attention_layernorm"),
    GATE("ffn_gate", "mlp.gate_proj"),
    UP("ffn_up", "mlp.up_proj"),
    GATE_UP("ffn_up", "mlp.gate_up_proj"),
    DOWN("ffn_down", "mlp.down_proj"),
    FEED_FORWARD_POST_NORM("post_ffw_norm", "post_feedforward_layernorm");

    private final String gguf;
    private final String huggingFace;

    Part(String gguf, String huggingFace) {
      this.gguf = gguf;
      this.huggingFace = huggingFace;
    }
  }

  static TensorNames gguf(Family family, Set<String> ignored) {
    return new TensorNames(family, true, "token_embd", "output_norm", "output", "blk.", ignored);
  }

  /**
   * {@return the names in a Hugging Face folder}
   *
   * @param decoder prefix of the decoder's tensors: {@code model.}
   */
  static TensorNames huggingFace(Family family, String decoder, Set<String> ignored) {
    return new TensorNames(
        family,
        false,
        decoder + "embed_tokens",
        decoder + "norm",
        "lm_head",
        decoder + "layers.",
        ignored);
  }

  String of(int layer, Part part) {
    return layers + layer + '.' + (isGguf ? part.gguf : huggingFace(part));
  }

  private String huggingFace(Part part) {
    // Where a norm follows attention, it has the name that the norm before feed-forward has else.
    boolean taken = part == Part.FEED_FORWARD_NORM && family.has(Family.Trait.GEMMA);
    return taken ? "pre_feedforward_layernorm" : part.huggingFace;
  }

  /** {@return whether this tensor says nothing that is not known from elsewhere} */
  boolean mayBeLeft(String name, boolean tied) {
    return ignored.stream().anyMatch(name::startsWith)
        || (!isGguf
            && (name.endsWith(".rotary_emb.inv_freq")
                || (tied && name.equals(output + ".weight"))));
  }
}
