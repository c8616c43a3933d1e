package dev.rap.cli;

import dev.rap.memory.MemoryModel;
import dev.rap.memory.MemoryUse;
import dev.rap.memory.Storage;
import dev.rap.memory.Workload;
import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import java.util.BitSet;

/**
 * What running a model under a mask takes at least, whoever runs it. Multiplying and adding are two
 * operations; norms, RoPE and softmax are not counted.
 *
 * @param weightBytes that a step reads: all but the embedding table, of which it reads a few rows
 * @param kvBytesPerPosition that a token reads of each position up to its own
 * @param matrixFlops of a token in the layers' matrices
 * @param attentionFlopsPerPosition of a token with each position up to its own
 * @param outputFlops of the logits of a token
 */
record StepCost(
    long weightBytes,
    long kvBytesPerPosition,
    long matrixFlops,
    long attentionFlopsPerPosition,
    long outputFlops) {

  static StepCost of(Weights weights, Storage storage, RetentionMask mask) {
    ModelConfig config = weights.config();
    MemoryUse use = MemoryModel.of(weights, mask.shape(), storage).use(mask, new Workload(1, 1));
    long gathered = weights.tied() ? 0 : storage.bytes(weights.embedding());
    long hidden = config.hiddenSize();
    long headGroups = 0;
    long channels = 0;
    for (int i = 0; i < mask.shape().sublayers(); i++) {
      Sublayer sublayer = Sublayer.of(i);
      if (sublayer.kind() == Sublayer.Kind.ATTENTION) {
        headGroups += mask.count(sublayer);
      } else {
        channels += channels(mask.units(sublayer), mask.shape());
      }
    }
    long queries = (long) config.queryHeadsPerGroup() * config.headSize();
    long groupElements = 2 * hidden * (queries + config.headSize());
    return new StepCost(
        use.weights() - gathered,
        use.kv(),
        2 * (headGroups * groupElements + channels * 3 * hidden),
        headGroups * 4 * queries,
        2 * hidden * config.vocabularySize());
  }

  private static long channels(BitSet blocks, MaskShape shape) {
    return blocks.stream()
        .mapToLong(
            block -> {
              long first = (long) block * shape.channelBlockSize();
              return Math.min(shape.channelBlockSize(), shape.channels() - first);
            })
        .sum();
  }

  /** {@return operations of a prompt of {@code tokens}, with the logits of its last} */
  double prefillFlops(int tokens) {
    double positions = (double) tokens * (tokens + 1) / 2;
    return (double) tokens * matrixFlops + positions * attentionFlopsPerPosition + outputFlops;
  }

  /**
   * {@return bytes that one decode step reads}
   *
   * @param context positions of each sequence, the new one included
   */
  double decodeBytes(int sequences, double context) {
    return weightBytes + sequences * context * kvBytesPerPosition;
  }
}
