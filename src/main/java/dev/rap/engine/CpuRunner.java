package dev.rap.engine;

import dev.rap.kernels.Kernels;
import dev.rap.kv.BlockTable;
import dev.rap.kv.KvBlockPool;
import dev.rap.kv.KvCache;
import dev.rap.kv.StepBatch;
import dev.rap.memory.MemoryUse;
import dev.rap.model.ForwardPass;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Executes steps on the CPU. */
final class CpuRunner implements ModelRunner {
  private final Kernels kernels;
  private final Limits limits;
  private final ForwardPass forward;
  private final ResidentWeights resident;
  private final KvCache cache;
  private final KvBlockPool pool;
  private final StepBatch batch;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment targets; // int32 [logitRows]
  private final MemorySegment logProbs; // float64 [logitRows]

  CpuRunner(Weights weights, Kernels kernels, Limits limits) {
    ModelConfig config = weights.config();
    this.kernels = kernels;
    this.limits = limits;
    this.forward =
        new ForwardPass(
            weights, kernels, limits.contextLength(), limits.stepTokens(), limits.logitRows());
    this.resident = new ResidentWeights(weights, forward);
    this.cache = new KvCache(config, Math.multiplyExact(limits.blocks(), BLOCK_SIZE));
    this.pool = new KvBlockPool(limits.blocks(), BLOCK_SIZE);
    this.batch =
        new StepBatch(
            config, limits.stepTokens(), limits.sequences(), limits.contextLength(), BLOCK_SIZE);
    this.targets = arena.allocate(Integer.BYTES * (long) limits.logitRows(), 64);
    this.logProbs = arena.allocate(Double.BYTES * (long) limits.logitRows(), 64);
  }

  @Override
  public ModelConfig config() {
    return forward.config();
  }

  @Override
  public Limits limits() {
    return limits;
  }

  @Override
  public RetentionMask mask() {
    return forward.mask();
  }

  @Override
  public KvBlockPool pool() {
    return pool;
  }

  @Override
  public StepBatch batch() {
    return batch;
  }

  // What is to be done beside takes no longer than the step, or than one piece.
  @Override
  public void run() {
    long start = System.nanoTime();
    ModelRunner.super.run();
    long end = System.nanoTime();
    while (work() && System.nanoTime() - end < end - start) {
      // piece by piece
    }
    resident.stepped();
  }

  @Override
  public void begin() {
    forward.embed(batch.tokenIds(), batch.layout());
  }

  @Override
  public void sublayer(int index) {
    int layer = Sublayer.of(index).layer();
    forward.sublayer(index, batch.layout(), cache.layer(layer), batch.present(layer));
  }

  @Override
  public MemorySegment logits(int[] rows, int count) {
    return forward.logits(rows, count);
  }

  @Override
  public void draw(int[] rows, List<Sequence> sequences, int[] drawn) {
    MemorySegment logits = forward.logits(rows, sequences.size());
    for (int i = 0; i < sequences.size(); i++) {
      drawn[i] = sequences.get(i).sample(logits, i);
    }
  }

  @Override
  public double logProbs(int[] rows, int count, int[] ids, int firstTarget) {
    MemorySegment logits = forward.logits(rows, count);
    MemorySegment.copy(ids, firstTarget, targets, ValueLayout.JAVA_INT, 0, count);
    kernels.logProbs(logProbs, logits, count, config().vocabularySize(), targets);
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += logProbs.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
    }
    return sum;
  }

  @Override
  public void setMask(RetentionMask mask, Optional<MeanInputs> means) {
    RetentionMask before = forward.mask();
    forward.setMask(mask, means);
    resident.maskChanged();
    for (int layer = 0; layer < config().layers(); layer++) {
      Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
      for (int group = 0; group < config().kvHeads(); group++) {
        if (before.retains(attention, group) && !mask.retains(attention, group)) {
          cache.drop(layer, group);
        }
      }
    }
  }

  @Override
  public void reclaim() {
    resident.reclaim();
  }

  @Override
  public boolean prefetch(RetentionMask mask) {
    return resident.prefetch(mask);
  }

  @Override
  public boolean resizeKv(int blocks, Collection<BlockTable> tables) {
    int target = Math.min(blocks, limits.blocks());
    if (target >= pool.blocks()) {
      pool.grow(target);
      return true;
    }
    int[] moves = pool.shrink(target, tables);
    for (int layer = 0; layer < config().layers(); layer++) {
      BitSet groups = mask().units(new Sublayer(layer, Sublayer.Kind.ATTENTION));
      for (int group = groups.nextSetBit(0); group >= 0; group = groups.nextSetBit(group + 1)) {
        cache.move(layer, group, moves, BLOCK_SIZE);
        cache.keepFirst(layer, group, target * BLOCK_SIZE);
      }
    }
    return true;
  }

  @Override
  public boolean work() {
    return resident.work();
  }

  @Override
  public boolean isSettled() {
    return resident.isSettled();
  }

  @Override
  public OptionalLong available() {
    return OptionalLong.empty();
  }

  @Override
  public MemoryUse held() {
    long headGroups = 0;
    for (int layer = 0; layer < config().layers(); layer++) {
      headGroups += mask().count(new Sublayer(layer, Sublayer.Kind.ATTENTION));
    }
    return new MemoryUse(
        resident.bytes(),
        headGroups * cache.groupBytes(pool.blocks() * BLOCK_SIZE),
        forward.bytes() + targets.byteSize() + logProbs.byteSize());
  }

  @Override
  public void addProjectionInputs(Sublayer.Kind kind, double[] sums) {
    if (resident.hasCopies()) {
      throw new IllegalStateException("inputs of output projections are not kept after a reclaim");
    }
    MemorySegment input = forward.projectionInput(kind);
    for (int t = 0; t < batch.tokens(); t++) {
      for (int c = 0; c < sums.length; c++) {
        sums[c] += input.getAtIndex(ValueLayout.JAVA_FLOAT, (long) t * sums.length + c);
      }
    }
  }

  @Override
  public HiddenStates newHiddenStates(int count) {
    return new HostStates(count, forward.hidden());
  }

  /** The runner's hidden state, copied. */
  private static final class HostStates implements HiddenStates {
    private final MemorySegment hidden;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment states; // [count, stepTokens, D]

    HostStates(int count, MemorySegment hidden) {
      this.hidden = hidden;
      this.states = arena.allocate(count * hidden.byteSize(), 64);
    }

    @Override
    public void save(int index) {
      state(index).copyFrom(hidden);
    }

    @Override
    public void restore(int index) {
      hidden.copyFrom(state(index));
    }

    private MemorySegment state(int index) {
      return states.asSlice(index * hidden.byteSize(), hidden.byteSize());
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      forward.close();
      resident.close();
      cache.close();
      batch.close();
      arena.close();
    }
  }
}
