package dev.rap.checkpoint;

import dev.rap.kernels.RopePairing;
import dev.rap.model.ModelConfig;
import dev.rap.model.RopeScaling;
import dev.rap.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A Llama decoder with random parameters, to be written by {@link GgufFiles} or {@link
 * HuggingFaceFolders}. Written by both, it is the same function: only the order of the rows of
 * query and key differs, as RoPE's pairing of dimensions does.
 *
 * @param config the shape; its pairing is ignored
 * @param dtype of the matrices; norms and biases are F32
 * @param seed a tensor's values depend on it, the tensor's name and its shape
 */
public record RandomLlama(
    ModelConfig config, DType dtype, boolean tied, boolean biases, long seed) {

  /**
   * Two layers, hidden size 64, 4 query and 2 KV heads of 32, 96 channels, vocabulary 288; tied.
   */
  public static RandomLlama tiny() {
    return new RandomLlama(
        config("tiny", 2, 64, 4, 2, 32, 96, 288, 256), DType.F32, true, false, 1);
  }

  /**
   * {@return a shape without RoPE scaling, as most models have it}
   *
   * @param channels feed-forward size
   */
  public static ModelConfig config(
      String name,
      int layers,
      int hiddenSize,
      int queryHeads,
      int kvHeads,
      int headSize,
      int channels,
      int vocabularySize,
      int contextLength) {
    return new ModelConfig(
        name,
        layers,
        hiddenSize,
        queryHeads,
        kvHeads,
        headSize,
        channels,
        vocabularySize,
        contextLength,
        1e-5f,
        1e4,
        new RopeScaling.None(),
        RopePairing.HALVES);
  }

  public RandomLlama with(DType other) {
    return new RandomLlama(config, other, tied, biases, seed);
  }

  public RandomLlama with(ModelConfig other) {
    return new RandomLlama(other, dtype, tied, biases, seed);
  }

  public RandomLlama with(RopeScaling scaling) {
    return with(
        new ModelConfig(
            config.name(),
            config.layers(),
            config.hiddenSize(),
            config.queryHeads(),
            config.kvHeads(),
            config.headSize(),
            config.feedForwardSize(),
            config.vocabularySize(),
            config.contextLength(),
            config.rmsEps(),
            config.ropeTheta(),
            scaling,
            config.ropePairing()));
  }

  public RandomLlama untied() {
    return new RandomLlama(config, dtype, false, biases, seed);
  }

  public RandomLlama withBiases() {
    return new RandomLlama(config, dtype, tied, true, seed);
  }

  public RandomLlama withSeed(long other) {
    return new RandomLlama(config, dtype, tied, biases, other);
  }

  /**
   * One tensor.
   *
   * @param name as Hugging Face has it
   * @param shape outermost dimension first
   * @param values in row order, before they are rounded to {@code dtype}
   */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  public record Stored(String name, DType dtype, long[] shape, float[] values) {}

  /** {@return all tensors; rows of query and key are paired in halves} */
  public List<Stored> tensors() {
    int hidden = config.hiddenSize();
    int channels = config.feedForwardSize();
    List<Stored> tensors = new ArrayList<>();
    tensors.add(matrix("model.embed_tokens", config.vocabularySize(), hidden));
    for (int i = 0; i < config.layers(); i++) {
      String layer = "model.layers." + i + ".";
      tensors.add(norm(layer + "input_layernorm"));
      addProjection(tensors, layer + "self_attn.q_proj", config.querySize(), hidden);
      addProjection(tensors, layer + "self_attn.k_proj", config.kvSize(), hidden);
      addProjection(tensors, layer + "self_attn.v_proj", config.kvSize(), hidden);
      addProjection(tensors, layer + "self_attn.o_proj", hidden, config.querySize());
      tensors.add(norm(layer + "post_attention_layernorm"));
      addProjection(tensors, layer + "mlp.gate_proj", channels, hidden);
      addProjection(tensors, layer + "mlp.up_proj", channels, hidden);
      addProjection(tensors, layer + "mlp.down_proj", hidden, channels);
    }
    tensors.add(norm("model.norm"));
    if (!tied) {
      tensors.add(matrix("lm_head", config.vocabularySize(), hidden));
    }
    return tensors;
  }

  /** {@return the values of one tensor, before they are rounded} */
  public float[] values(String name) {
    return tensors().stream()
        .filter(tensor -> tensor.name().equals(name))
        .findFirst()
        .orElseThrow()
        .values();
  }

  private void addProjection(List<Stored> tensors, String name, int outputs, int inputs) {
    tensors.add(matrix(name, outputs, inputs));
    if (biases) {
      String bias = name + ".bias";
      tensors.add(new Stored(bias, DType.F32, new long[] {outputs}, random(bias, outputs, 0, 0.1)));
    }
  }

  /** Variance 1 / inputs, so that activations neither vanish nor explode. */
  private Stored matrix(String name, int outputs, int inputs) {
    String full = name + ".weight";
    float[] values = random(full, outputs * inputs, 0, 1 / Math.sqrt(inputs));
    return new Stored(full, dtype, new long[] {outputs, inputs}, values);
  }

  private Stored norm(String name) {
    String full = name + ".weight";
    int hidden = config.hiddenSize();
    return new Stored(full, DType.F32, new long[] {hidden}, random(full, hidden, 1, 0.1));
  }

  private float[] random(String name, int elements, double mean, double deviation) {
    Random random = new Random(seed * 1_000_003 + name.hashCode());
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = (float) (mean + deviation * random.nextGaussian());
    }
    return values;
  }

  /**
   * {@return what the frequencies of RoPE are divided by, one each}
   *
   * <p>For Llama 3.1 by the description in its model card's reference: wavelengths longer than
   * {@code originalContext / lowFactor} are stretched by {@code factor}, those shorter than {@code
   * originalContext / highFactor} stay, and between them the frequency is interpolated.
   */
  static float[] ropeDivisors(ModelConfig config) {
    float[] divisors = new float[config.headSize() / 2];
    switch (config.ropeScaling()) {
      case RopeScaling.None() -> Arrays.fill(divisors, 1);
      case RopeScaling.Divisors(float[] stored) ->
          System.arraycopy(stored, 0, divisors, 0, divisors.length);
      case RopeScaling.LongRope longRope ->
          throw new IllegalArgumentException("one set of divisors does not say " + longRope);
      case RopeScaling.Dynamic dynamic ->
          throw new IllegalArgumentException("no divisors say " + dynamic);
      case RopeScaling.Yarn yarn -> throw new IllegalArgumentException("no divisors say " + yarn);
      case RopeScaling.Llama3 llama3 -> {
        for (int i = 0; i < divisors.length; i++) {
          double frequency = Math.pow(config.ropeTheta(), -2.0 * i / config.headSize());
          double periods = llama3.originalContext() * frequency / (2 * Math.PI);
          double share =
              (periods - llama3.lowFactor()) / (llama3.highFactor() - llama3.lowFactor());
          double kept = Math.clamp(share, 0, 1);
          divisors[i] = (float) (1 / ((1 - kept) / llama3.factor() + kept));
        }
      }
    }
    return divisors;
  }
}
