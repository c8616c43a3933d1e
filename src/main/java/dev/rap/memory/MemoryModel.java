package dev.rap.memory;

import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.tensor.Tensor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Predicts the bytes that a mask needs under a workload.
 *
 * <p>M(S; b, s) = fixed + retained units + what their columns keep of others + KV of the retained
 * head groups, and, where it is asked for, the workspace of a step. A unit is a head group or a
 * channel block; the paper's sublayers are the case of all or nothing.
 *
 * <p>Immutable.
 *
 * @see <a href="https://arxiv.org/abs/2505.17138">RAP</a>: sublayers only, fp16, no activations
 */
public final class MemoryModel {
  /** Bytes of a cached key or value element, F16. */
  public static final int KV_ELEMENT_BYTES = 2;

  /** Tokens of one prefill step on the CPU. */
  public static final int STEP_TOKENS = 512;

  private final MaskShape shape;
  private final long fixedBytes;
  private final long[][] unitBytes; // [Sublayer.index()][unit]
  private final List<OutputColumns> outputs; // by Sublayer.index(), or empty: units share nothing
  private final long kvBytesPerToken; // of one head group
  private final long workspaceBytesPerToken; // activations of a step
  private final int stepTokens; // most of a step, but for its sequences
  private final long logitsBytesPerSequence;
  private final long[] sublayerWeights; // [Sublayer.index()], the sums of unitBytes

  private MemoryModel(
      MaskShape shape,
      long fixedBytes,
      long[][] unitBytes,
      List<OutputColumns> outputs,
      long kvBytesPerToken,
      long workspaceBytesPerToken,
      int stepTokens,
      long logitsBytesPerSequence) {
    this.shape = shape;
    this.fixedBytes = fixedBytes;
    this.unitBytes = unitBytes;
    this.outputs = List.copyOf(outputs);
    this.kvBytesPerToken = kvBytesPerToken;
    this.workspaceBytesPerToken = workspaceBytesPerToken;
    this.stepTokens = stepTokens;
    this.logitsBytesPerSequence = logitsBytesPerSequence;
    sublayerWeights = new long[unitBytes.length];
    for (int i = 0; i < unitBytes.length; i++) {
      sublayerWeights[i] = LongStream.of(unitBytes[i]).sum();
    }
  }

  /**
   * {@return the paper's model: 2 bytes a parameter, 2 a KV element, no activations}
   *
   * @param tied whether the output projection is the embedding table, counted once
   */
  public static MemoryModel paper(ModelConfig config, MaskShape shape, boolean tied) {
    long d = config.hiddenSize();
    long fixed = (tied ? 1L : 2L) * config.vocabularySize() * d + (2L * config.layers() + 1) * d;
    long headGroup = 2 * d * config.headSize() * (config.queryHeadsPerGroup() + 1);
    long[][] units = new long[shape.sublayers()][];
    for (int i = 0; i < units.length; i++) {
      Sublayer.Kind kind = Sublayer.of(i).kind();
      units[i] = new long[shape.units(kind)];
      for (int unit = 0; unit < units[i].length; unit++) {
        long parameters =
            kind == Sublayer.Kind.ATTENTION ? headGroup : 3 * d * channels(shape, unit);
        units[i][unit] = 2 * parameters;
      }
    }
    return new MemoryModel(shape, 2 * fixed, units, List.of(), kvBytes(config), 0, STEP_TOKENS, 0);
  }

  /** {@return the model of what is really allocated: weights, KV as cached, activations, logits} */
  public static MemoryModel of(Weights weights, MaskShape shape, Storage storage) {
    ModelConfig config = weights.config();
    long fixed = storage.bytes(weights.embedding()) + storage.bytes(weights.outputNorm());
    if (!weights.tied()) {
      fixed += storage.bytes(weights.output());
    }
    long[][] units = new long[shape.sublayers()][];
    List<OutputColumns> outputs = new ArrayList<>();
    for (int l = 0; l < config.layers(); l++) {
      Weights.Layer layer = weights.layers().get(l);
      fixed += layer.norms().stream().mapToLong(storage::bytes).sum();
      units[2 * l] = new long[config.kvHeads()];
      for (Weights.Projection p : layer.projections(Sublayer.Kind.ATTENTION)) {
        fixed += biasBytes(p, storage);
        for (int group = 0; group < config.kvHeads(); group++) {
          units[2 * l][group] += storage.bytes(p.matrix()) / config.kvHeads();
        }
      }
      units[2 * l + 1] = new long[shape.channelBlocks()];
      long channels = 0;
      for (Weights.Projection p : layer.projections(Sublayer.Kind.FEED_FORWARD)) {
        fixed += biasBytes(p, storage);
        channels += storage.bytes(p.matrix());
      }
      long channel = channels / config.feedForwardSize();
      for (int block = 0; block < shape.channelBlocks(); block++) {
        units[2 * l + 1][block] = channel * channels(shape, block);
      }
      Tensor attention = layer.attentionOutput().matrix();
      outputs.add(OutputColumns.of(attention, config.querySize() / config.kvHeads(), storage));
      outputs.add(OutputColumns.of(layer.down().matrix(), shape.channelBlockSize(), storage));
    }
    return new MemoryModel(
        shape,
        fixed,
        units,
        outputs,
        kvBytes(config),
        storage.workspaceBytesPerToken(config),
        storage.stepTokens(),
        Float.BYTES * (long) config.vocabularySize());
  }

  private static long biasBytes(Weights.Projection projection, Storage storage) {
    return projection.bias().map(storage::bytes).orElse(0L);
  }

  /** {@return the bytes of all parameters where {@code storage} keeps them} */
  public static long weightBytes(Weights weights, Storage storage) {
    MemoryModel memory = of(weights, weights.config().maskShape(), storage);
    return memory.denseUse(new Workload(1, 1)).weights();
  }

  private static long channels(MaskShape shape, int block) {
    int first = block * shape.channelBlockSize();
    return Math.min(shape.channelBlockSize(), shape.channels() - first);
  }

  private static long kvBytes(ModelConfig config) {
    return 2L * KV_ELEMENT_BYTES * config.headSize();
  }

  /** {@return the units that this model counts} */
  public MaskShape shape() {
    return shape;
  }

  /** {@return bytes by owner} */
  public MemoryUse use(RetentionMask mask, Workload workload) {
    if (!mask.shape().equals(shape)) {
      throw new IllegalArgumentException(
          "the mask must have %s, had %s".formatted(shape, mask.shape()));
    }
    long weights = fixedBytes;
    long headGroups = 0;
    for (int i = 0; i < unitBytes.length; i++) {
      Sublayer sublayer = Sublayer.of(i);
      BitSet units = mask.units(sublayer);
      for (int u = units.nextSetBit(0); u >= 0; u = units.nextSetBit(u + 1)) {
        weights += unitBytes[i][u];
      }
      weights += outputs.isEmpty() ? 0 : outputs.get(i).bytesOfOthers(units);
      if (sublayer.kind() == Sublayer.Kind.ATTENTION) {
        headGroups += units.cardinality();
      }
    }
    return new MemoryUse(
        weights, headGroups * kvBytesPerToken * workload.tokens(), workspace(workload));
  }

  private long workspace(Workload workload) {
    long tokens = Math.min(workload.tokens(), Math.max(stepTokens, workload.sequences()));
    return workspaceBytesPerToken * tokens + logitsBytesPerSequence * workload.sequences();
  }

  /** {@return all bytes that {@code mask} needs under {@code workload}} */
  public long bytes(RetentionMask mask, Workload workload) {
    return use(mask, workload).total();
  }

  /** {@return the bytes of the model with everything retained} */
  public long denseBytes(Workload workload) {
    return denseUse(workload).total();
  }

  /** {@return bytes by owner with everything retained} */
  public MemoryUse denseUse(Workload workload) {
    long headGroups = (long) shape.layers() * shape.headGroups();
    return new MemoryUse(
        fixedBytes + LongStream.of(sublayerWeights).sum(),
        headGroups * kvBytesPerToken * workload.tokens(),
        workspace(workload));
  }

  /** {@return the bytes of the model with nothing retained: no mask needs fewer} */
  public long smallestBytes(Workload workload) {
    return fixedBytes + workspace(workload);
  }

  /**
   * {@return weights and KV that go when a sublayer goes as a whole, by {@link Sublayer#index()}}
   *
   * <p>They add up: the bytes of a mask of whole sublayers are {@link #denseBytes} less those of
   * the sublayers that it drops.
   */
  public long[] sublayerBytes(Workload workload) {
    long kv = shape.headGroups() * kvBytesPerToken * workload.tokens();
    long[] bytes = sublayerWeights.clone();
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] += Sublayer.of(i).kind() == Sublayer.Kind.ATTENTION ? kv : 0;
    }
    return bytes;
  }

  /** {@return weights and KV that go when {@code sublayer} goes as a whole} */
  public long sublayerBytes(Sublayer sublayer, Workload workload) {
    return sublayerBytes(workload)[sublayer.index()];
  }
}
