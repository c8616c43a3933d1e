package dev.rap.engine;

import dev.rap.kv.BlockTable;
import dev.rap.kv.KvBlockPool;
import dev.rap.kv.StepBatch;
import dev.rap.memory.MemoryUse;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Executes steps: the tokens of a {@link StepBatch} through all sublayers, into the KV cache. One
 * caller at a time.
 */
public interface ModelRunner extends AutoCloseable {
  /** Token slots of a KvBlock. */
  int BLOCK_SIZE = 16;

  /**
   * What a runner has room for.
   *
   * @param stepTokens most tokens of a step
   * @param sequences most sequences of a step
   * @param contextLength most tokens of a sequence
   * @param kvTokens tokens that the KV cache holds, of all sequences together
   * @param logitRows most rows of one call of {@link #logits} or {@link #draw}
   */
  record Limits(int stepTokens, int sequences, int contextLength, int kvTokens, int logitRows) {
    public Limits {
      if (Math.min(Math.min(stepTokens, sequences), Math.min(contextLength, kvTokens)) < 1
          || logitRows < 1) {
        throw new IllegalArgumentException(
            "all limits must be positive, were %d, %d, %d, %d, %d"
                .formatted(stepTokens, sequences, contextLength, kvTokens, logitRows));
      }
    }

    /** {@return blocks of the KV cache} */
    public int blocks() {
      return Math.ceilDiv(kvTokens, BLOCK_SIZE);
    }
  }

  ModelConfig config();

  Limits limits();

  /** {@return the mask in force} */
  RetentionMask mask();

  /**
   * Holds from the next step on. The cached keys and values of head groups that are dropped are
   * lost.
   *
   * @param means if present, the mean contribution of what is dropped is added in its place
   * @throws IllegalArgumentException if the mask or the means are of another model
   */
  void setMask(RetentionMask mask, Optional<MeanInputs> means);

  /**
   * Lets go of the memory of what the mask drops. It is given back piece by piece, by steps and by
   * {@link #work}, and comes back when a mask needs it.
   *
   * @throws IllegalStateException if another runner shares it
   */
  void reclaim();

  /**
   * Begins to bring back what {@code mask} needs, while steps run. {@link #setMask} brings it too,
   * but waits for it.
   *
   * @return whether all is there, so that {@link #setMask} need not wait
   */
  boolean prefetch(RetentionMask mask);

  /**
   * Asks for so many KvBlocks, as many as fit the limits. Fewer are there at once, and what lies in
   * those that go moves; more are there when there is memory for them.
   *
   * @param tables of all sequences that have blocks
   * @return whether so many are there now; if not, ask again after some steps
   * @throws IllegalArgumentException if more blocks than that are in use
   */
  boolean resizeKv(int blocks, Collection<BlockTable> tables);

  /**
   * Does one piece of what {@link #reclaim}, {@link #prefetch} and {@link #resizeKv} began. Each
   * step does some of it while the device computes.
   *
   * @return whether something was done; not where it must wait, for the device or for room on it
   */
  boolean work();

  /** {@return whether nothing is left to do of what was begun: {@link #work} would do nothing} */
  boolean isSettled();

  /**
   * {@return how many bytes could be held now: those that are, and what the device has free; empty
   * where nobody else takes of them}
   */
  OptionalLong available();

  /** {@return bytes of memory that are held now} */
  MemoryUse held();

  KvBlockPool pool();

  /** {@return the step to fill before {@link #run()}} */
  StepBatch batch();

  /** Runs the step. Its keys and values are in the cache afterwards. */
  default void run() {
    begin();
    for (int i = 0; i < 2 * config().layers(); i++) {
      sublayer(i);
    }
  }

  /** {@return kernels that the last {@link #run} launched at once, as a graph; 0 if it did not} */
  default int graphKernels() {
    return 0;
  }

  /** Begins the step: the hidden state becomes the embeddings of its tokens. */
  void begin();

  /**
   * Adds the output of one sublayer to the hidden state.
   *
   * @param index {@link Sublayer#index()}
   */
  void sublayer(int index);

  /**
   * {@return the logits of some tokens of the step, float {@code [count, V]}, valid until the next
   * call}
   *
   * @param rows which tokens of the step, the first {@code count}
   */
  MemorySegment logits(int[] rows, int count);

  /**
   * Draws the next token of some sequences.
   *
   * @param rows which token of the step is the last of each
   * @param drawn is given the tokens
   */
  void draw(int[] rows, List<Sequence> sequences, int[] drawn);

  /**
   * {@return the sum of natural log-probabilities that the tokens of the step in rows {@code
   * [firstRow, firstRow + count)} give to the tokens that follow them}
   *
   * @param ids of the sequence's tokens
   * @param firstTarget index in {@code ids} of the token that follows row {@code firstRow}
   */
  default double logProbs(int firstRow, int count, int[] ids, int firstTarget) {
    int[] rows = new int[Math.min(limits().logitRows(), count)];
    double sum = 0;
    for (int done = 0; done < count; done += rows.length) {
      int chunk = Math.min(rows.length, count - done);
      for (int i = 0; i < chunk; i++) {
        rows[i] = firstRow + done + i;
      }
      sum += logProbs(rows, chunk, ids, firstTarget + done);
    }
    return sum;
  }

  /**
   * {@return the sum of natural log-probabilities that some tokens of the step give to others}
   *
   * @param rows which tokens of the step, the first {@code count}
   * @param targets the tokens, {@code [firstTarget, firstTarget + count)}
   */
  double logProbs(int[] rows, int count, int[] targets, int firstTarget);

  /**
   * Adds what the sublayer that ran last fed to its output projection, summed over the tokens of
   * the step.
   *
   * @param sums {@code [H * Dh]} or {@code [F]}
   */
  void addProjectionInputs(Sublayer.Kind kind, double[] sums);

  /** {@return room for {@code count} hidden states of whole steps} */
  HiddenStates newHiddenStates(int count);

  /** Hidden states that were put aside. Closed by its user, before the runner. */
  interface HiddenStates extends AutoCloseable {
    /** Copies the hidden state of the step. */
    void save(int index);

    /** Makes a state that was saved the hidden state of the step again. */
    void restore(int index);

    @Override
    void close();
  }

  @Override
  void close();
}
