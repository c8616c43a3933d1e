package dev.rap.engine;

import dev.rap.kernels.Kernels;
import dev.rap.kernels.TokenBatch;
import dev.rap.kv.KvBlockPool;
import dev.rap.kv.KvCache;
import dev.rap.kv.StepBatch;
import dev.rap.memory.MemoryModel;
import dev.rap.model.ForwardPass;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Executes steps: the tokens of a {@link StepBatch} through all sublayers, into the KV cache. */
public final class ModelRunner implements AutoCloseable {
  /** Token slots of a KvBlock. */
  public static final int BLOCK_SIZE = 16;

  private static final int SCORED_ROWS = 64; // at a time: bounds the logits of a scored text

  private final Kernels kernels;
  private final ForwardPass forward;
  private final KvCache cache;
  private final KvBlockPool pool;
  private final StepBatch batch;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment targets; // int32 [logitRows]
  private final MemorySegment logProbs; // float64 [logitRows]
  private final int[] rows;

  /**
   * @param stepTokens most tokens of a step
   * @param maxSequences most sequences of a step
   * @param contextLength most tokens of a sequence
   * @param kvTokens tokens that the KV cache holds, of all sequences together
   * @param logitRows tokens of a step whose logits are there at once
   */
  public ModelRunner(
      Weights weights,
      Kernels kernels,
      int stepTokens,
      int maxSequences,
      int contextLength,
      int kvTokens,
      int logitRows) {
    ModelConfig config = weights.config();
    int blocks = Math.ceilDiv(kvTokens, BLOCK_SIZE);
    this.kernels = kernels;
    this.forward = new ForwardPass(weights, kernels, stepTokens, logitRows);
    this.cache = new KvCache(config, Math.multiplyExact(blocks, BLOCK_SIZE));
    this.pool = new KvBlockPool(blocks, BLOCK_SIZE);
    this.batch = new StepBatch(config, stepTokens, maxSequences, contextLength, BLOCK_SIZE);
    this.targets = arena.allocate(Integer.BYTES * (long) logitRows, 64);
    this.logProbs = arena.allocate(Double.BYTES * (long) logitRows, 64);
    this.rows = new int[logitRows];
  }

  /** {@return a runner that scores windows of {@code tokens} tokens, one at a time} */
  public static ModelRunner forWindows(LoadedModel model, int tokens) {
    int step = Math.min(tokens, MemoryModel.STEP_TOKENS);
    return new ModelRunner(model.weights(), model.kernels(), step, 1, tokens, tokens, SCORED_ROWS);
  }

  public ForwardPass forward() {
    return forward;
  }

  public KvCache cache() {
    return cache;
  }

  public KvBlockPool pool() {
    return pool;
  }

  /** {@return the step to fill before {@link #run()}} */
  public StepBatch batch() {
    return batch;
  }

  /** Runs the step. Its keys and values are in the cache afterwards. */
  public void run() {
    TokenBatch layout = batch.layout();
    forward.embed(batch.tokenIds(), layout);
    int sublayers = 2 * forward.config().layers();
    for (int i = 0; i < sublayers; i++) {
      int layer = Sublayer.of(i).layer();
      forward.sublayer(i, layout, cache.layer(layer), batch.present(layer));
    }
  }

  /**
   * {@return the sum of natural log-probabilities that the tokens of the step in rows {@code
   * [firstRow, firstRow + count)} give to the tokens that follow them}
   *
   * @param ids of the sequence's tokens
   * @param firstTarget index in {@code ids} of the token that follows row {@code firstRow}
   */
  public double logProbs(int firstRow, int count, int[] ids, int firstTarget) {
    double sum = 0;
    for (int done = 0; done < count; done += rows.length) {
      int chunk = Math.min(rows.length, count - done);
      for (int i = 0; i < chunk; i++) {
        rows[i] = firstRow + done + i;
      }
      MemorySegment logits = forward.logits(rows, 0, chunk);
      MemorySegment.copy(ids, firstTarget + done, targets, ValueLayout.JAVA_INT, 0, chunk);
      kernels.logProbs(logProbs, logits, chunk, forward.config().vocabularySize(), targets);
      for (int i = 0; i < chunk; i++) {
        sum += logProbs.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
      }
    }
    return sum;
  }

  /**
   * Holds from the next step on. The cached keys and values of head groups that are dropped are
   * lost.
   */
  public void setMask(RetentionMask mask, Optional<MeanInputs> means) {
    RetentionMask before = forward.mask();
    forward.setMask(mask, means);
    for (int layer = 0; layer < forward.config().layers(); layer++) {
      Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
      for (int group = 0; group < forward.config().kvHeads(); group++) {
        if (before.retains(attention, group) && !mask.retains(attention, group)) {
          cache.drop(layer, group);
        }
      }
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      forward.close();
      cache.close();
      batch.close();
      arena.close();
    }
  }
}
