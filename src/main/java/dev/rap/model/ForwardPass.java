package dev.rap.model;

import dev.rap.kernels.AttentionRule;
import dev.rap.kernels.Kernels;
import dev.rap.kernels.KvLayer;
import dev.rap.kernels.Ranges;
import dev.rap.kernels.TokenBatch;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A decoder under a retention mask, one step at a time: {@link #embed}, then {@link #sublayer} in
 * order of index, then {@link #logits}.
 *
 * <p>What the mask drops is neither read, computed nor stored. A sublayer that is dropped whole
 * leaves the hidden state as it is, or adds the mean of its output where means are given.
 *
 * <p>Owns the activations of a step. One caller at a time.
 */
public final class ForwardPass implements AutoCloseable {
  private final Weights weights;
  private final ModelConfig config;
  private final Kernels kernels;
  private final int stepTokens;
  private final int logitRows;
  private final Rotations rotations;
  private final List<AttentionRule> rules; // by layer
  private final Ranges hiddenColumns;
  private final Ranges vocabulary;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment hidden; // [T, D]
  private final MemorySegment normed; // [T, D]
  private final MemorySegment query; // [T, H * Dh]
  private final MemorySegment key; // [T, K * Dh]
  private final MemorySegment value; // [T, K * Dh]
  private final MemorySegment attended; // [T, H * Dh]
  private final MemorySegment gated; // [T, F]
  private final MemorySegment selected; // [rows, D]
  private final MemorySegment logits; // [rows, V]
  // [2L, D]: added to a sublayer's output before the norm that follows it, if one does; where the
  // sublayer is dropped whole, to the hidden state.
  private final MemorySegment compensations;
  private final MeanOutputs meanOutputs;

  private RetentionMask mask;
  private List<SublayerPlan> plans; // by Sublayer.index()
  private final List<Optional<Narrow>> narrowed; // by Sublayer.index()
  private Optional<MeanInputs> means = Optional.empty();
  private final BitSet compensated = new BitSet(); // by Sublayer.index()
  private long bytes; // of activations

  /**
   * A matrix of which only some columns are there.
   *
   * @param stored which those are
   * @param columns of {@code matrix} that are read
   */
  private record Narrow(Tensor matrix, Ranges stored, Ranges columns) {}

  /**
   * @param contextLength most tokens of a sequence
   * @param stepTokens most tokens of one step
   * @param logitRows most rows of one call of {@link #logits}
   */
  public ForwardPass(
      Weights weights, Kernels kernels, int contextLength, int stepTokens, int logitRows) {
    this.weights = weights;
    this.config = weights.config();
    this.kernels = kernels;
    this.stepTokens = stepTokens;
    this.logitRows = logitRows;
    this.rules = IntStream.range(0, config.layers()).mapToObj(config.architecture()::rule).toList();
    this.hiddenColumns = Ranges.all(config.hiddenSize());
    this.vocabulary = Ranges.all(config.vocabularySize());
    this.hidden = floats(stepTokens, config.hiddenSize());
    this.normed = floats(stepTokens, config.hiddenSize());
    this.query = floats(stepTokens, config.querySize());
    this.key = floats(stepTokens, config.kvSize());
    this.value = floats(stepTokens, config.kvSize());
    this.attended = floats(stepTokens, config.querySize());
    this.gated = floats(stepTokens, config.feedForwardSize());
    this.rotations = new Rotations(config, contextLength, elements -> floats(stepTokens, elements));
    this.selected = floats(logitRows, config.hiddenSize());
    this.logits = floats(logitRows, config.vocabularySize());
    this.compensations = floats(2 * config.layers(), config.hiddenSize());
    this.meanOutputs =
        new MeanOutputs(weights, kernels, floats(1, MeanOutputs.inputElements(config)));
    this.plans = List.of();
    this.narrowed = new ArrayList<>(Collections.nCopies(2 * config.layers(), Optional.empty()));
    setMask(RetentionMask.dense(config.maskShape()), Optional.empty());
  }

  private MemorySegment floats(int rows, int columns) {
    bytes += Float.BYTES * (long) rows * columns;
    return arena.allocate(Float.BYTES * (long) rows * columns, 64);
  }

  public ModelConfig config() {
    return config;
  }

  /** {@return the bytes of activations and logits} */
  public long bytes() {
    return bytes;
  }

  /** {@return the mask in force} */
  public RetentionMask mask() {
    return mask;
  }

  /** {@return most tokens of one step} */
  public int stepTokens() {
    return stepTokens;
  }

  /** {@return most rows of one call of {@link #logits}} */
  public int logitRows() {
    return logitRows;
  }

  /**
   * Holds from the next step on.
   *
   * @param means if present, the mean contribution of what is dropped is added in its place
   * @throws IllegalArgumentException if the mask or the means are of another model
   */
  public void setMask(RetentionMask mask, Optional<MeanInputs> means) {
    mask.requireFor(config, means);
    MaskShape shape = mask.shape();
    List<SublayerPlan> before = means.equals(this.means) ? plans : List.of();
    List<SublayerPlan> changed = new ArrayList<>();
    for (int i = 0; i < shape.sublayers(); i++) {
      changed.add(plan(Sublayer.of(i), mask.units(Sublayer.of(i)), shape));
    }
    this.mask = mask;
    this.means = means;
    this.plans = List.copyOf(changed);
    Collections.fill(narrowed, Optional.empty());
    compensated.clear();
    means.ifPresent(values -> compensate(values, before));
  }

  /**
   * {@return the columns of a sublayer's output projection that must be there under {@code mask}:
   * the whole blocks that hold those that are read}
   */
  public Ranges projectionColumns(Sublayer sublayer, RetentionMask mask) {
    return stored(sublayer, plan(sublayer, mask.units(sublayer), mask.shape()));
  }

  private Ranges stored(Sublayer sublayer, SublayerPlan plan) {
    return plan.readable().covering(outputProjection(sublayer).matrix().dtype().blockElements());
  }

  /**
   * Reads a sublayer's output projection from a copy, from the next step to the next mask.
   *
   * @param columns those of {@link #projectionColumns}, side by side
   */
  public void narrow(Sublayer sublayer, Tensor columns) {
    SublayerPlan plan = plans.get(sublayer.index());
    Ranges stored = stored(sublayer, plan);
    Narrow narrow = new Narrow(columns, stored, plan.readable().within(stored));
    narrowed.set(sublayer.index(), Optional.of(narrow));
  }

  private SublayerPlan plan(Sublayer sublayer, BitSet units, MaskShape shape) {
    Tensor projection = outputProjection(sublayer).matrix();
    return SublayerPlan.of(sublayer.kind(), units, shape, config, projection);
  }

  private Weights.Projection outputProjection(Sublayer sublayer) {
    return weights.layers().get(sublayer.layer()).output(sublayer.kind());
  }

  // What stays is not computed again: the output projection may have left memory.
  private void compensate(MeanInputs means, List<SublayerPlan> before) {
    for (int i = 0; i < plans.size(); i++) {
      Sublayer sublayer = Sublayer.of(i);
      BitSet dropped = mask.dropped(sublayer);
      if (dropped.isEmpty()) {
        continue;
      }
      compensated.set(i);
      if (before.isEmpty() || !before.get(i).equals(plans.get(i))) {
        compensate(sublayer, dropped, means.of(sublayer));
      }
    }
  }

  private void compensate(Sublayer sublayer, BitSet dropped, float[] mean) {
    MemorySegment row = compensation(sublayer.index());
    meanOutputs.write(row, sublayer, dropped, mask.shape(), mean);
    if (!mask.retains(sublayer)) {
      addBias(row, 1, outputProjection(sublayer));
      postNorm(sublayer).ifPresent(norm -> normalise(row, row, norm, 1, false));
    }
  }

  private MemorySegment compensation(int index) {
    long rowBytes = Float.BYTES * (long) config.hiddenSize();
    return compensations.asSlice(index * rowBytes, rowBytes);
  }

  /**
   * Begins a step: the hidden state becomes the embeddings of {@code tokens}.
   *
   * @param tokens int32 {@code [T]}
   */
  public void embed(MemorySegment tokens, TokenBatch batch) {
    if (batch.tokens() < 1 || batch.tokens() > stepTokens) {
      throw new IllegalArgumentException(
          "tokens of a step must be in [1, %d], were %d".formatted(stepTokens, batch.tokens()));
    }
    kernels.embed(hidden, weights.embedding(), tokens, batch.tokens());
    float scale = config.architecture().embeddingScale();
    if (scale != 1) {
      kernels.scale(hidden, batch.tokens(), config.hiddenSize(), scale);
    }
    rotations.write(batch);
  }

  /**
   * Adds the output of one sublayer to the hidden state.
   *
   * @param index {@link Sublayer#index()}
   * @param kv of the layer
   * @param present bytes {@code [S, K]} as in {@link Kernels#attention}
   */
  public void sublayer(int index, TokenBatch batch, KvLayer kv, MemorySegment present) {
    SublayerPlan plan = plans.get(index);
    Sublayer sublayer = Sublayer.of(index);
    Weights.Layer layer = weights.layers().get(sublayer.layer());
    if (plan.isEmpty()) {
      compensate(hidden, index, batch.tokens());
      return;
    }
    if (sublayer.kind() == Sublayer.Kind.ATTENTION) {
      attention(sublayer.layer(), plan, batch, kv, present);
    } else {
      feedForward(layer, plan, batch.tokens());
    }
    addOutput(sublayer, plan, batch.tokens());
  }

  private void addOutput(Sublayer sublayer, SublayerPlan plan, int tokens) {
    Optional<Tensor> postNorm = postNorm(sublayer);
    MemorySegment y = postNorm.isPresent() ? normed : hidden; // normed has done its part
    output(y, sublayer, plan, tokens, postNorm.isEmpty());
    addBias(y, tokens, outputProjection(sublayer));
    compensate(y, sublayer.index(), tokens);
    if (postNorm.isPresent()) {
      normalise(hidden, y, postNorm.get(), tokens, true);
    }
  }

  private Optional<Tensor> postNorm(Sublayer sublayer) {
    return weights.layers().get(sublayer.layer()).postNorm(sublayer.kind());
  }

  private void compensate(MemorySegment y, int index, int tokens) {
    if (compensated.get(index)) {
      kernels.addRow(y, config.hiddenSize(), tokens, compensation(index), hiddenColumns);
    }
  }

  private void output(
      MemorySegment y, Sublayer sublayer, SublayerPlan plan, int tokens, boolean accumulate) {
    Optional<Narrow> narrow = narrowed.get(sublayer.index());
    if (narrow.isEmpty()) {
      projectOutput(y, sublayer, tokens, plan.readable(), accumulate);
      return;
    }
    int stride = config.projectionInputSize(sublayer.kind());
    kernels.matmul(
        y,
        config.hiddenSize(),
        sideBySide(sublayer.kind(), stride, tokens, narrow.get().stored()),
        stride,
        tokens,
        narrow.get().matrix(),
        hiddenColumns,
        narrow.get().columns(),
        accumulate);
  }

  // Attention's inputs keep their places, for SublayerPlan.readable: the queries are needed no
  // more.
  private MemorySegment sideBySide(Sublayer.Kind kind, int stride, int tokens, Ranges columns) {
    MemorySegment from = projectionInput(kind);
    MemorySegment to = kind == Sublayer.Kind.ATTENTION ? query : from;
    for (int t = 0; t < tokens; t++) {
      long row = Float.BYTES * (long) t * stride;
      long target = row;
      for (int i = 0; i < columns.count(); i++) {
        long bytes = Float.BYTES * (long) (columns.end(i) - columns.start(i));
        MemorySegment.copy(from, row + 4L * columns.start(i), to, target, bytes);
        target += bytes;
      }
    }
    return to;
  }

  private void attention(
      int index, SublayerPlan plan, TokenBatch batch, KvLayer kv, MemorySegment present) {
    Weights.Layer layer = weights.layers().get(index);
    int tokens = batch.tokens();
    normalise(normed, hidden, layer.attentionNorm(), tokens, false);
    project(query, config.querySize(), layer.query(), tokens, plan.inner());
    project(key, config.kvSize(), layer.key(), tokens, plan.keyColumns());
    project(value, config.kvSize(), layer.value(), tokens, plan.keyColumns());
    normaliseHeads(query, config.querySize(), layer.queryNorm(), tokens, plan.inner());
    normaliseHeads(key, config.kvSize(), layer.keyNorm(), tokens, plan.keyColumns());
    Optional<MemorySegment> cosSin = rotations.of(index);
    if (cosSin.isPresent()) {
      rotate(query, config.querySize(), cosSin.get(), tokens, plan.inner());
      rotate(key, config.kvSize(), cosSin.get(), tokens, plan.keyColumns());
    }
    kernels.storeKv(kv, key, value, config.kvSize(), batch, plan.units());
    if (!plan.readable().equals(plan.inner())) { // other layers have written other heads
      attended.asSlice(0, Float.BYTES * (long) tokens * config.querySize()).fill((byte) 0);
    }
    kernels.attention(
        attended,
        query,
        config.querySize(),
        config.queryHeadsPerGroup(),
        rules.get(index),
        kv,
        batch,
        present,
        plan.units());
  }

  private void feedForward(Weights.Layer layer, SublayerPlan plan, int tokens) {
    int channels = config.feedForwardSize();
    normalise(normed, hidden, layer.feedForwardNorm(), tokens, false);
    kernels.gatedMatmul(
        gated,
        channels,
        normed,
        config.hiddenSize(),
        tokens,
        layer.gate().matrix(),
        layer.up().matrix(),
        biasOrNull(layer.gate()),
        biasOrNull(layer.up()),
        config.architecture().activation(),
        plan.inner());
  }

  private void normalise(
      MemorySegment y, MemorySegment x, Tensor norm, int tokens, boolean accumulate) {
    kernels.rmsNorm(
        y, x, config.hiddenSize(), tokens, norm, config.rmsEps(), hiddenColumns, accumulate);
  }

  private void normaliseHeads(
      MemorySegment x, int stride, Optional<Tensor> norm, int tokens, Ranges columns) {
    if (norm.isPresent()) {
      kernels.rmsNorm(x, x, stride, tokens, norm.get(), config.rmsEps(), columns, false);
    }
  }

  private static MemorySegment biasOrNull(Weights.Projection projection) {
    return projection.bias().map(Tensor::data).orElse(MemorySegment.NULL);
  }

  private void project(
      MemorySegment y, int stride, Weights.Projection projection, int tokens, Ranges rows) {
    kernels.matmul(
        y,
        stride,
        normed,
        config.hiddenSize(),
        tokens,
        projection.matrix(),
        rows,
        hiddenColumns,
        false);
    if (projection.bias().isPresent()) {
      kernels.addRow(y, stride, tokens, projection.bias().get().data(), rows);
    }
  }

  private void rotate(
      MemorySegment x, int stride, MemorySegment cosSin, int tokens, Ranges columns) {
    kernels.rope(
        x,
        stride,
        tokens,
        cosSin,
        config.architecture().rotarySize(),
        config.headSize(),
        config.ropePairing(),
        columns);
  }

  // y = or += the projection that the sublayer ends with, of what lies in its input.
  private void projectOutput(
      MemorySegment y, Sublayer sublayer, int tokens, Ranges columns, boolean accumulate) {
    kernels.matmul(
        y,
        config.hiddenSize(),
        projectionInput(sublayer.kind()),
        config.projectionInputSize(sublayer.kind()),
        tokens,
        outputProjection(sublayer).matrix(),
        hiddenColumns,
        columns,
        accumulate);
  }

  private void addBias(MemorySegment y, int tokens, Weights.Projection projection) {
    if (projection.bias().isPresent()) {
      MemorySegment bias = projection.bias().get().data();
      kernels.addRow(y, config.hiddenSize(), tokens, bias, hiddenColumns);
    }
  }

  /**
   * {@return the hidden state, {@code [stepTokens, D]}: may be saved between sublayers and put
   * back}
   */
  public MemorySegment hidden() {
    return hidden;
  }

  /**
   * {@return what the sublayer that ran last fed to its output projection: {@code [stepTokens, H *
   * Dh]} or {@code [stepTokens, F]}; lost if it is {@linkplain #narrow narrowed}}
   */
  public MemorySegment projectionInput(Sublayer.Kind kind) {
    return kind == Sublayer.Kind.ATTENTION ? attended : gated;
  }

  /**
   * {@return the logits of some tokens of the step, {@code [count, V]}, valid until the next call}
   *
   * @param rows which tokens of the step: {@code rows[0 .. count)}
   */
  public MemorySegment logits(int[] rows, int count) {
    if (count < 1 || count > logitRows) {
      throw new IllegalArgumentException(
          "count must be in [1, %d], was %d".formatted(logitRows, count));
    }
    long rowBytes = Float.BYTES * (long) config.hiddenSize();
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(hidden, rows[i] * rowBytes, selected, i * rowBytes, rowBytes);
    }
    normalise(selected, selected, weights.outputNorm(), count, false);
    kernels.matmul(
        logits,
        config.vocabularySize(),
        selected,
        config.hiddenSize(),
        count,
        weights.output(),
        vocabulary,
        hiddenColumns,
        false);
    if (config.architecture().logitCap() > 0) {
      kernels.softCap(logits, count, config.vocabularySize(), config.architecture().logitCap());
    }
    return logits;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
