package dev.rap.cuda;

import dev.rap.engine.ModelRunner;
import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import dev.rap.kv.BlockTable;
import dev.rap.kv.KvBlockPool;
import dev.rap.kv.StepBatch;
import dev.rap.memory.MemoryUse;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Executes steps on the device. A step in which every sequence has one token is one graph launch.
 */
final class CudaRunner implements ModelRunner {
  // After fewer, the first change of an 8B model's mask takes three times as long as later ones.
  private static final int REHEARSALS = 10;

  private final CudaBackend.Parts parts;
  private final ModelConfig config;
  private final Limits limits;
  private final int rows; // of logits at once
  private final KvBlockPool pool;
  private final StepBatch batch;
  private final DeviceStep step;
  private final MaskTables mask;
  private final DeviceKv kv;
  private final CudaForward forward;
  private final Results results;
  private final DecodeGraphs graphs;
  private final ProjectionSums sums;
  private final CudaEvent stepped;
  private boolean rehearsed;
  private boolean isGraph; // whether the last step was one graph
  private boolean drawn; // whether the step's graph has the likeliest token of each of its tokens

  CudaRunner(CudaBackend.Parts parts, Limits limits) {
    this.parts = parts;
    this.config = parts.weights().config();
    this.limits = limits;
    this.rows = Math.max(limits.logitRows(), Math.min(limits.sequences(), CudaKernels.FEW_TOKENS));
    this.pool = new KvBlockPool(limits.blocks(), BLOCK_SIZE);
    this.batch =
        new StepBatch(
            config, limits.stepTokens(), limits.sequences(), limits.contextLength(), BLOCK_SIZE);
    this.step = new DeviceStep(parts, limits);
    parts.elastic().open();
    this.mask = new MaskTables(parts);
    this.kv = new DeviceKv(parts, limits, mask.headGroups());
    int paddedRows = DecodeGraphs.bucket(Math.min(rows, CudaKernels.FEW_TOKENS));
    this.forward = new CudaForward(parts, mask, kv, limits, Math.max(rows, paddedRows));
    this.results =
        new Results(
            parts.device(),
            parts.stream(),
            parts.kernels(),
            Math.max(rows, paddedRows),
            config.vocabularySize());
    this.graphs = new DecodeGraphs(parts.stream(), this::decode);
    this.sums = new ProjectionSums(parts, config);
    this.stepped = parts.device().newEvent();
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public Limits limits() {
    return limits;
  }

  @Override
  public RetentionMask mask() {
    return mask.mask();
  }

  @Override
  public void setMask(RetentionMask changed, Optional<MeanInputs> means) {
    changed.requireFor(config, means);
    ElasticWeights elastic = parts.elastic();
    elastic.reshape(changed.shape());
    elastic.require(changed);
    kv.want(pool.blocks(), groups(changed)); // if more are wanted, they are asked for again
    while (!kv.has()) {
      kv.work();
    }
    elastic.integrate();
    if (!changed.shape().equals(mask.mask().shape())) {
      graphs.retain(tokens -> false); // graphs have the rows of a unit in them
    }
    mask.set(changed, means);
    placed();
  }

  private int[] groups(RetentionMask mask) {
    int[] groups = new int[config.layers()];
    Arrays.setAll(groups, layer -> mask.count(new Sublayer(layer, Sublayer.Kind.ATTENTION)));
    return groups;
  }

  // After units have got other slots.
  private void placed() {
    kv.repack(mask.headGroups(), pool.takenEnd());
    graphs.retain(forward::servesAllMasks);
  }

  @Override
  public void reclaim() {
    if (!rehearsed && mask.mask().isDense()) {
      rehearse();
    }
    parts.elastic().compact(mask.mask(), () -> parts.pool().release(PagePool.PIECE));
    mask.place();
    placed();
  }

  // Java's code is slow when it first runs, and nobody waits yet. What leaves stays in the pool, so
  // that it can come back.
  private void rehearse() {
    ElasticWeights elastic = parts.elastic();
    RetentionMask dense = mask.mask();
    for (int i = 0; i < REHEARSALS; i++) {
      elastic.compact(withoutUnit(dense, i), () -> {});
      elastic.require(dense);
      elastic.integrate();
      mask.place();
      placed();
    }
    rehearsed = true;
  }

  // Less one unit of each sublayer.
  private static RetentionMask withoutUnit(RetentionMask dense, int unit) {
    RetentionMask less = dense;
    for (int i = 0; i < dense.shape().sublayers(); i++) {
      BitSet kept = dense.units(Sublayer.of(i));
      kept.clear(unit % kept.length());
      less = less.with(Sublayer.of(i), kept);
    }
    return less;
  }

  @Override
  public boolean prefetch(RetentionMask wanted) {
    ElasticWeights elastic = parts.elastic();
    elastic.reshape(wanted.shape());
    elastic.want(wanted);
    kv.want(kv.wantedBlocks(), groups(wanted));
    return elastic.has(wanted) && kv.has();
  }

  @Override
  public boolean resizeKv(int blocks, Collection<BlockTable> tables) {
    int target = Math.min(blocks, kv.most());
    kv.want(target, kv.wantedGroups());
    if (target < pool.blocks()) {
      kv.move(pool.shrink(target, tables));
      kv.resize(target);
    } else if (target > pool.blocks() && kv.has()) {
      kv.resize(target);
      pool.grow(target);
    }
    return pool.blocks() == target;
  }

  @Override
  public boolean work() {
    ElasticWeights elastic = parts.elastic();
    boolean isGrowing = elastic.isGrowing() || !kv.has();
    if (parts.pool().spares() > 0 && !isGrowing) {
      parts.pool().release(PagePool.PIECE);
      return true;
    }
    try {
      return kv.work() || (elastic.isBusy() && elastic.work());
    } catch (DeviceOutOfMemoryException e) {
      return false; // others have the room now: later there may be some
    }
  }

  @Override
  public boolean isSettled() {
    return !parts.elastic().isBusy() && !kv.isBusy() && parts.pool().spares() == 0;
  }

  // The host has nothing else to do while the device computes.
  private void workDuringStep() {
    if (isSettled()) {
      return;
    }
    parts.stream().record(stepped);
    while (work() && !stepped.reached()) {
      // piece by piece
    }
  }

  @Override
  public OptionalLong available() {
    return parts.tracker().latest().stream().mapToLong(MemorySample::available).findFirst();
  }

  @Override
  public MemoryUse held() {
    CudaDevice device = parts.device();
    return new MemoryUse(
        device.bytes(MemoryOwner.WEIGHTS) + device.bytes(MemoryOwner.SPARE),
        device.bytes(MemoryOwner.KV),
        device.bytes(MemoryOwner.WORKSPACE));
  }

  @Override
  public KvBlockPool pool() {
    return pool;
  }

  @Override
  public StepBatch batch() {
    return batch;
  }

  @Override
  public void run() {
    if (batch.tokens() == batch.sequences() && batch.tokens() <= CudaKernels.FEW_TOKENS) {
      int padded = DecodeGraphs.bucket(batch.tokens());
      step.fill(batch, padded);
      graphs.launch(padded);
      step.uploadQueued();
      isGraph = true;
      drawn = true;
    } else {
      ModelRunner.super.run();
    }
    workDuringStep();
  }

  // What a graph holds: a step of one token each of so many sequences, up to the likeliest tokens.
  private void decode(int sequences) {
    step.upload(sequences);
    forward.embed(step);
    for (int i = 0; i < 2 * config.layers(); i++) {
      forward.sublayer(i, step);
    }
    forward.logits(0, sequences);
    results.argmax(forward.logits(), sequences);
  }

  @Override
  public void begin() {
    step.fill(batch, batch.tokens());
    step.upload(batch.sequences());
    step.uploadQueued();
    forward.embed(step);
    isGraph = false;
    drawn = false;
  }

  @Override
  public void sublayer(int index) {
    forward.sublayer(index, step);
  }

  @Override
  public MemorySegment logits(int[] rows, int count) {
    queueLogits(rows, count);
    return results.download(forward.logits(), count);
  }

  private void queueLogits(int[] rows, int count) {
    if (count < 1 || count > this.rows) {
      throw new IllegalArgumentException(
          "count must be in [1, %d], was %d".formatted(this.rows, count));
    }
    forward.logits(results.rows(rows, count), count);
    drawn = false;
  }

  @Override
  public void draw(int[] rows, List<Sequence> sequences, int[] tokens) {
    int count = sequences.size();
    boolean ready = drawn && count == batch.tokens();
    if (!ready) {
      queueLogits(rows, count);
    }
    boolean isPenalised = false;
    boolean isGreedy = true;
    for (int i = 0; i < count; i++) {
      SamplingOptions sampling = sequences.get(i).sampling();
      isPenalised |= sampling.repetitionPenalty() != 1;
      isGreedy &= sampling.isGreedy();
    }
    if (isPenalised) {
      MemorySegment logits = results.download(forward.logits(), count);
      for (int i = 0; i < count; i++) {
        tokens[i] = sequences.get(i).sample(logits, i);
      }
      return;
    }
    if (!isGreedy) {
      results.sample(forward.logits(), sequences);
      drawn = false; // the logits are gone
    } else if (!ready) {
      results.argmax(forward.logits(), count);
    }
    results.tokens(tokens, count);
  }

  @Override
  public double logProbs(int[] rows, int count, int[] ids, int firstTarget) {
    queueLogits(rows, count);
    return results.logProbs(forward.logits(), ids, firstTarget, count);
  }

  @Override
  public void addProjectionInputs(Sublayer.Kind kind, double[] inputSums) {
    sums.add(forward.projectionInput(kind), batch.tokens(), inputSums);
  }

  @Override
  public HiddenStates newHiddenStates(int count) {
    return new DeviceStates(count);
  }

  @Override
  public int graphKernels() {
    return isGraph ? graphs.kernels(step.tokens()) : 0;
  }

  /** The hidden state, copied on the device. */
  private final class DeviceStates implements HiddenStates {
    private final DeviceMemory states; // [count, stepTokens, D]

    DeviceStates(int count) {
      states = parts.device().allocate(count * forward.hidden().bytes(), MemoryOwner.WORKSPACE);
    }

    @Override
    public void save(int index) {
      parts.stream().copy(states, at(index), forward.hidden(), 0, forward.hidden().bytes());
    }

    @Override
    public void restore(int index) {
      parts.stream().copy(forward.hidden(), 0, states, at(index), forward.hidden().bytes());
    }

    private long at(int index) {
      return index * forward.hidden().bytes();
    }

    @Override
    public void close() {
      states.close();
    }
  }

  @Override
  public void close() {
    parts.stream().synchronize();
    graphs.close();
    sums.close();
    results.close();
    forward.close();
    kv.close();
    mask.close();
    step.close();
    batch.close();
    stepped.close();
    parts.elastic().leave();
  }
}
