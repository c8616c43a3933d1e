package dev.rap.model;

import dev.rap.kernels.RopePairing;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A family of decoders as its files describe it: what is the same for all its models, and what its
 * settings are where a file leaves them out.
 *
 * @param title for people
 * @param gguf its name in GGUF files, and the prefix of its settings there
 * @param architecture its class in config.json
 * @param modelType its model_type in config.json
 * @param ggufPairing which elements of a head GGUF files have rotated together
 * @param windows which layers see a window only, where no list says so
 * @param defaults settings of config.json where they are left out, in JSON
 */
record Family(
    String title,
    String gguf,
    String architecture,
    String modelType,
    RopePairing ggufPairing,
    Windows windows,
    String defaults,
    Set<Trait> traits) {
  static final Family LLAMA =
      of(
          "Llama",
          "llama",
          "LlamaForCausalLM",
          "llama",
          RopePairing.INTERLEAVED,
          Windows.NONE,
          "{}");

  /** In GGUF files it is a Llama. */
  static final Family MISTRAL =
      of(
          "Mistral",
          "llama",
          "MistralForCausalLM",
          "mistral",
          RopePairing.INTERLEAVED,
          Windows.ALL,
          "{'max_position_embeddings':131072,'num_key_value_heads':8,'sliding_window':4096}");

  static final Family QWEN2 =
      of(
          "Qwen2",
          "qwen2",
          "Qwen2ForCausalLM",
          "qwen2",
          RopePairing.HALVES,
          Windows.FROM_A_LAYER,
          "{'max_position_embeddings':32768,'num_key_value_heads':32,'sliding_window':4096,"
              + "'max_window_layers':28}",
          Trait.QKV_BIASES);

  static final Family QWEN3 =
      of(
          "Qwen3",
          "qwen3",
          "Qwen3ForCausalLM",
          "qwen3",
          RopePairing.HALVES,
          Windows.FROM_A_LAYER,
          "{'max_position_embeddings':32768,'num_key_value_heads':32,'head_dim':128,"
              + "'sliding_window':4096,'max_window_layers':28}",
          Trait.HEAD_NORMS);

  static final Family SMOLLM3 =
      of(
          "SmolLM3",
          "smollm3",
          "SmolLM3ForCausalLM",
          "smollm3",
          RopePairing.INTERLEAVED,
          Windows.WITHOUT_ROPE,
          "{'max_position_embeddings':32768,'num_key_value_heads':4,'rope_theta':2000000.0,"
              + "'tie_word_embeddings':true,'no_rope_layer_interval':4}",
          Trait.LAYERS_WITHOUT_ROPE);

  static final Family GEMMA2 =
      of(
          "Gemma 2",
          "gemma2",
          "Gemma2ForCausalLM",
          "gemma2",
          RopePairing.HALVES,
          Windows.BUT_EVERY_NTH,
          "{'max_position_embeddings':8192,'num_attention_heads':8,'num_key_value_heads':4,"
              + "'head_dim':256,'tie_word_embeddings':true,'sliding_window':4096,"
              + "'sliding_window_pattern':2,'query_pre_attn_scalar':256,'attn_logit_softcapping':50.0,"
              + "'final_logit_softcapping':30.0,'hidden_activation':'gelu_pytorch_tanh'}",
          Trait.GEMMA);

  static final Family GEMMA3 =
      of(
          "Gemma 3",
          "gemma3",
          "Gemma3ForCausalLM",
          "gemma3_text",
          RopePairing.HALVES,
          Windows.BUT_EVERY_NTH,
          "{'vocab_size':262208,'max_position_embeddings':131072,'num_attention_heads':8,"
              + "'num_key_value_heads':4,'head_dim':256,'tie_word_embeddings':true,"
              + "'sliding_window':4096,'sliding_window_pattern':6,'query_pre_attn_scalar':256,"
              + "'rope_theta':1000000.0,'rope_local_base_freq':10000.0,"
              + "'hidden_activation':'gelu_pytorch_tanh'}",
          Trait.GEMMA,
          Trait.HEAD_NORMS,
          Trait.LOCAL_ROPE);

  static final Family PHI3 =
      of(
          "Phi-3",
          "phi3",
          "Phi3ForCausalLM",
          "phi3",
          RopePairing.HALVES,
          Windows.ALL,
          "{'max_position_embeddings':4096,'original_max_position_embeddings':4096,"
              + "'rms_norm_eps':1e-5}",
          Trait.FUSED,
          Trait.PARTIAL_ROPE);

  /** What sets a family apart from Llama. */
  enum Trait {
    /** Queries, keys and values have biases. */
    QKV_BIASES,
    /** Each head of queries and keys is normalised before RoPE. */
    HEAD_NORMS,
    /** Some layers have no RoPE. */
    LAYERS_WITHOUT_ROPE,
    /** Layers with a window have a RoPE of their own. */
    LOCAL_ROPE,
    /** RoPE may turn a part of each head only. */
    PARTIAL_ROPE,
    /** Query, key and value are one tensor, and so are gate and up. */
    FUSED,
    /**
     * A norm after each sublayer too, norms stored less 1 in Hugging Face folders, scaled
     * embeddings, a query scale and soft caps of its own, and a GELU gate.
     */
    GEMMA
  }

  /** Which layers see a window only, where no list says so. */
  enum Windows {
    NONE,
    ALL,
    /** Those from max_window_layers on, if use_sliding_window is set. */
    FROM_A_LAYER,
    /** All but each n-th, n being sliding_window_pattern. */
    BUT_EVERY_NTH,
    /** Those without RoPE, if use_sliding_window is set. */
    WITHOUT_ROPE
  }

  private static final List<Family> ALL =
      List.of(LLAMA, MISTRAL, QWEN2, QWEN3, SMOLLM3, GEMMA2, GEMMA3, PHI3);

  private static Family of(
      String title,
      String gguf,
      String architecture,
      String modelType,
      RopePairing ggufPairing,
      Windows windows,
      String defaults,
      Trait... traits) {
    return new Family(
        title,
        gguf,
        architecture,
        modelType,
        ggufPairing,
        windows,
        defaults.replace('\'', '"'),
        Set.of(traits));
  }

  /** {@return the family whose GGUF files say this in general.architecture} */
  static Optional<Family> ofGguf(String architecture) {
    return first(Family::gguf, architecture);
  }

  /** {@return the family of this class in config.json} */
  static Optional<Family> ofArchitecture(String architecture) {
    return first(Family::architecture, architecture);
  }

  /** {@return the family of this model_type in config.json} */
  static Optional<Family> ofModelType(String modelType) {
    return first(Family::modelType, modelType);
  }

  private static Optional<Family> first(Function<Family, String> name, String wanted) {
    return ALL.stream().filter(family -> name.apply(family).equals(wanted)).findFirst();
  }

  /** {@return what GGUF files may say, for messages} */
  static String ggufNames() {
    return names(Family::gguf);
  }

  /** {@return what config.json may say, for messages} */
  static String architectures() {
    return names(Family::architecture);
  }

  private static String names(Function<Family, String> name) {
    return ALL.stream().map(name).distinct().collect(Collectors.joining(", "));
  }

  boolean has(Trait trait) {
    return traits.contains(trait);
  }
}
