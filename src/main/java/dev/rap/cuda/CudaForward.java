package dev.rap.cuda;

import dev.rap.engine.ModelRunner;
import dev.rap.kernels.Ranges;
import dev.rap.kernels.RopePairing;
import dev.rap.model.ModelConfig;
import dev.rap.model.RopeFrequencies;
import dev.rap.model.Sublayer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A decoder on the device under the mask of {@link MaskTables}: queues the kernels of a step.
 *
 * <p>Products of few tokens are our own, read the mask on the device and can be captured; those of
 * many go to cuBLAS, run by run of retained units, or where it is missing in slices of few tokens.
 *
 * <p>Owns the activations of a step.
 */
final class CudaForward implements AutoCloseable {
  // Up to so many tokens our products are faster than cuBLAS, and up to FEW_TOKENS where cuBLAS
  // would be called more often than MOST_RUNS times.
  private static final int OWN_TOKENS = 16;
  private static final int MOST_RUNS = 2;

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final Optional<CudaBlas> blas;
  private final CudaWeights weights;
  private final ModelConfig config;
  private final Element element;
  private final CudaKernels.Heads heads;
  private final MaskTables mask;
  private final DeviceKv kv;

  private final DeviceMemory cosSin; // F32 [contextLength, Dh]
  private final DeviceMemory hidden; // F32 [T, D]
  private final DeviceMemory normed; // [T, D]
  private final DeviceMemory qkv; // [T, K * (G + 2) * Dh]
  private final DeviceMemory attended; // [T, H * Dh]
  private final DeviceMemory gated; // [T, F]
  private final DeviceMemory up; // [T, F]
  private final DeviceMemory selected; // [rows, D]
  private final DeviceMemory logits; // F32 [rows, V]
  private final DeviceMemory accumulateScratch;
  private final DeviceMemory attentionScratch;

  /**
   * @param rows most of one call of {@link #logits}
   */
  CudaForward(
      CudaBackend.Parts parts, MaskTables mask, DeviceKv kv, ModelRunner.Limits limits, int rows) {
    this.stream = parts.stream();
    this.kernels = parts.kernels();
    this.blas = parts.blas();
    this.weights = parts.weights();
    this.config = weights.config();
    this.element = weights.element();
    this.heads =
        new CudaKernels.Heads(config.kvHeads(), config.queryHeadsPerGroup(), config.headSize());
    this.mask = mask;
    this.kv = kv;
    CudaDevice device = parts.device();
    long tokens = Math.max(limits.stepTokens(), CudaKernels.FEW_TOKENS);
    int d = config.hiddenSize();
    this.cosSin = rotations(device, limits.contextLength());
    this.hidden = workspace(device, tokens * d * Float.BYTES);
    this.normed = workspace(device, tokens * d * Element.BYTES);
    this.qkv = workspace(device, tokens * qkvColumns() * Element.BYTES);
    this.attended = workspace(device, tokens * config.querySize() * Element.BYTES);
    this.gated = workspace(device, tokens * config.feedForwardSize() * Element.BYTES);
    this.up = workspace(device, tokens * config.feedForwardSize() * Element.BYTES);
    this.selected = workspace(device, (long) rows * d * Element.BYTES);
    this.logits = workspace(device, (long) rows * config.vocabularySize() * Float.BYTES);
    int few = CudaKernels.FEW_TOKENS;
    this.accumulateScratch = zeroed(device, kernels.accumulateScratch(few, d));
    this.attentionScratch =
        zeroed(device, kernels.attentionScratch(Math.max(limits.sequences(), few), heads));
  }

  private static DeviceMemory workspace(CudaDevice device, long bytes) {
    return device.allocate(bytes, MemoryOwner.WORKSPACE);
  }

  private DeviceMemory zeroed(CudaDevice device, long bytes) {
    DeviceMemory memory = workspace(device, bytes);
    stream.fill(memory, 0, (byte) 0, bytes);
    return memory;
  }

  private DeviceMemory rotations(CudaDevice device, int positions) {
    RopeFrequencies frequencies = new RopeFrequencies(config, positions);
    DeviceMemory table = workspace(device, (long) positions * config.headSize() * Float.BYTES);
    try (PinnedMemory host = device.newPinned(table.bytes())) {
      for (int position = 0; position < positions; position++) {
        frequencies.write(host.segment(), position, position);
      }
      stream.upload(table, 0, host.segment(), table.bytes());
      stream.synchronize();
    }
    return table;
  }

  private int qkvColumns() {
    return config.kvHeads() * CudaWeights.qkvRows(config);
  }

  DeviceMemory hidden() {
    return hidden;
  }

  /** {@return what the sublayer that ran last fed to its output projection} */
  long projectionInput(Sublayer.Kind kind) {
    return (kind == Sublayer.Kind.ATTENTION ? attended : gated).address();
  }

  /** {@return what {@link #logits} made, F32 {@code [rows, V]}} */
  DeviceMemory logits() {
    return logits;
  }

  void embed(DeviceStep step) {
    kernels.embed(
        stream.handle(),
        element,
        hidden.address(),
        weights.embedding().address(),
        step.tokenIds(),
        step.tokens(),
        config.hiddenSize());
  }

  void sublayer(int index, DeviceStep step) {
    Sublayer sublayer = Sublayer.of(index);
    CudaWeights.Layer layer = weights.layers().get(sublayer.layer());
    if (sublayer.kind() == Sublayer.Kind.ATTENTION) {
      attention(index, layer, step);
    } else {
      feedForward(index, layer, step.tokens());
    }
  }

  private void attention(int index, CudaWeights.Layer layer, DeviceStep step) {
    int tokens = step.tokens();
    CudaKernels.Kv cache = kv.layer(index / 2);
    CudaKernels.Units units = mask.units(index, CudaWeights.qkvRows(config));
    norm(normed.address(), hidden.address(), layer.norms().address(), 0, tokens);
    project(index, qkv.address(), qkvColumns(), layer.qkv().matrix(), units, tokens);
    kernels.ropeStore(
        stream.handle(),
        element,
        qkv.address(),
        qkvColumns(),
        layer.qkv().biasAddress(),
        tokens,
        heads,
        cosSin.address(),
        config.ropePairing() == RopePairing.INTERLEAVED,
        step.positions(),
        step.slots(),
        cache,
        units.table());
    attend(step.tables(index / 2), cache, units.table(), step);
    CudaKernels.Units outputUnits = mask.units(index, CudaWeights.outputRows(config));
    DeviceMemory output = layer.attentionOutput().matrix();
    accumulate(index, attended.address(), output, outputUnits, tokens);
  }

  private void attend(
      CudaKernels.Tables tables, CudaKernels.Kv cache, long units, DeviceStep step) {
    if (step.ones() > 0) {
      kernels.attentionOne(
          stream.handle(),
          element,
          attended.address(),
          config.querySize(),
          qkv.address(),
          qkvColumns(),
          heads,
          cache,
          step.positions(),
          tables,
          step.ones(),
          units,
          attentionScratch.address());
    }
    if (step.tileCount() > 0) {
      kernels.attentionMany(
          stream.handle(),
          element,
          attended.address(),
          config.querySize(),
          qkv.address(),
          qkvColumns(),
          heads,
          cache,
          step.tiles(),
          step.tileCount(),
          tables,
          units);
    }
  }

  private void feedForward(int index, CudaWeights.Layer layer, int tokens) {
    int channels = config.feedForwardSize();
    CudaKernels.Units units = mask.units(index, mask.mask().shape().channelBlockSize());
    norm(normed.address(), hidden.address(), layer.norms().address(rowBytes()), 0, tokens);
    if (own(tokens, mask.runs(index))) {
      for (Slice slice : slices(tokens)) {
        kernels.gatedRows(
            stream.handle(),
            element,
            gated.address(slice.elements(channels)),
            channels,
            normed.address(slice.elements(config.hiddenSize())),
            config.hiddenSize(),
            slice.tokens(),
            layer.gate().matrix().address(),
            layer.up().matrix().address(),
            layer.gate().biasAddress(),
            layer.up().biasAddress(),
            channels,
            config.hiddenSize(),
            units);
      }
    } else {
      project(index, gated.address(), channels, layer.gate().matrix(), units, tokens);
      project(index, up.address(), channels, layer.up().matrix(), units, tokens);
      kernels.swiglu(
          stream.handle(),
          element,
          gated.address(),
          up.address(),
          layer.gate().biasAddress(),
          layer.up().biasAddress(),
          channels,
          tokens,
          channels,
          units);
    }
    accumulate(index, gated.address(), layer.down().matrix(), units, tokens);
  }

  private long rowBytes() {
    return (long) config.hiddenSize() * Float.BYTES;
  }

  private void norm(long y, long x, long weight, long rows, int tokens) {
    kernels.rmsNorm(
        stream.handle(), element, y, x, weight, rows, tokens, config.hiddenSize(), config.rmsEps());
  }

  /** Tokens that a product of few tokens takes at once. */
  private record Slice(int first, int tokens) {
    long elements(int columns) {
      return (long) first * columns * Element.BYTES;
    }
  }

  // One, but where cuBLAS is missing.
  private static List<Slice> slices(int tokens) {
    List<Slice> slices = new ArrayList<>();
    for (int first = 0; first < tokens; first += CudaKernels.FEW_TOKENS) {
      slices.add(new Slice(first, Math.min(CudaKernels.FEW_TOKENS, tokens - first)));
    }
    return slices;
  }

  /** {@return whether a step of so many tokens is queued the same for every mask} */
  boolean servesAllMasks(int tokens) {
    return tokens <= OWN_TOKENS || blas.isEmpty();
  }

  private boolean own(int tokens, Ranges runs) {
    return servesAllMasks(tokens) || (tokens <= CudaKernels.FEW_TOKENS && runs.count() > MOST_RUNS);
  }

  // y = normed * w^T, in the columns of retained units.
  private void project(
      int index, long y, int columns, DeviceMemory w, CudaKernels.Units units, int tokens) {
    int d = config.hiddenSize();
    Ranges runs = mask.runs(index);
    if (own(tokens, runs)) {
      for (Slice slice : slices(tokens)) {
        rows(y + slice.elements(columns), columns, false, normed, slice, w, columns, units);
      }
      return;
    }
    for (int i = 0; i < runs.count(); i++) {
      int first = runs.start(i) * units.unitRows();
      int end = Math.min(runs.end(i) * units.unitRows(), columns); // the last unit may be short
      blas.orElseThrow()
          .product(
              stream.handle(),
              element,
              y + (long) first * Element.BYTES,
              columns,
              false,
              normed.address(),
              d,
              tokens,
              w.address((long) first * d * Element.BYTES),
              d,
              false,
              end - first,
              d,
              0);
    }
  }

  private void rows(
      long y,
      int yStride,
      boolean yF32,
      DeviceMemory x,
      Slice slice,
      DeviceMemory w,
      int rows,
      CudaKernels.Units units) {
    int d = config.hiddenSize();
    kernels.rows(
        stream.handle(),
        element,
        y,
        yStride,
        yF32,
        x.address(slice.elements(d)),
        d,
        slice.tokens(),
        w.address(),
        rows,
        d,
        units);
  }

  // hidden += x * w + addend, over the rows of retained units.
  private void accumulate(int index, long x, DeviceMemory w, CudaKernels.Units units, int tokens) {
    int inputs = config.projectionInputSize(Sublayer.of(index).kind());
    int d = config.hiddenSize();
    Ranges runs = mask.runs(index);
    if (own(tokens, runs)) {
      for (Slice slice : slices(tokens)) {
        kernels.accumulate(
            stream.handle(),
            element,
            hidden.address(2 * slice.elements(d)),
            x + slice.elements(inputs),
            inputs,
            slice.tokens(),
            w.address(),
            inputs,
            d,
            units,
            mask.addend(index),
            accumulateScratch.address());
      }
      return;
    }
    for (int i = 0; i < runs.count(); i++) {
      int first = runs.start(i) * units.unitRows();
      int end = Math.min(runs.end(i) * units.unitRows(), inputs);
      blas.orElseThrow()
          .product(
              stream.handle(),
              element,
              hidden.address(),
              d,
              true,
              x + (long) first * Element.BYTES,
              inputs,
              tokens,
              w.address((long) first * d * Element.BYTES),
              d,
              true,
              d,
              end - first,
              1);
    }
    if (mask.adds(index)) {
      kernels.addRow(stream.handle(), hidden.address(), mask.addend(index), tokens, d);
    }
  }

  /**
   * Queues the logits of some tokens of the step.
   *
   * @param rows int32 {@code [count]} of tokens, or 0 for the first {@code count}
   */
  void logits(long rows, int count) {
    int d = config.hiddenSize();
    int vocabulary = config.vocabularySize();
    norm(selected.address(), hidden.address(), weights.outputNorm().address(), rows, count);
    if (servesAllMasks(count)) {
      for (Slice slice : slices(count)) {
        long y = logits.address(2 * slice.elements(vocabulary));
        CudaKernels.Units all = CudaKernels.Units.ALL;
        rows(y, vocabulary, true, selected, slice, weights.output(), vocabulary, all);
      }
    } else {
      blas.orElseThrow()
          .product(
              stream.handle(),
              element,
              logits.address(),
              vocabulary,
              true,
              selected.address(),
              d,
              count,
              weights.output().address(),
              d,
              false,
              vocabulary,
              d,
              0);
    }
  }

  @Override
  public void close() {
    for (DeviceMemory memory :
        List.of(
            cosSin,
            hidden,
            normed,
            qkv,
            attended,
            gated,
            up,
            selected,
            logits,
            accumulateScratch,
            attentionScratch)) {
      memory.close();
    }
  }
}
