package dev.rap.cuda;

import dev.rap.cuda.KernelFilter.Call;
import dev.rap.cuda.KernelFilter.Part;
import dev.rap.engine.ModelRunner;
import dev.rap.kv.BlockTable;
import dev.rap.kv.KvBlockPool;
import dev.rap.kv.StepBatch;
import dev.rap.model.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times the kernels of the dense model one by one: each in a CUDA graph of all its calls in a step,
 * with those of other kernels left out. Weights are cold, since each layer has its own and L2 is
 * swept before each replay; what a step has once is called once a layer.
 */
final class KernelTimes implements AutoCloseable {
  private static final int[] SEQUENCES = {1, 8, 32};
  private static final int MOST_SEQUENCES = 32;
  private static final int CONTEXT = 512;
  private static final int PREFILL_TOKENS = 2048;
  private static final int REPLAYS = 9;
  private static final long SWEEP_BYTES = 256 << 20; // several times any L2

  private final CudaBackend.Parts parts;
  private final ModelConfig config;
  private final double readBytesPerSecond;
  private final int context;
  private final int prefillTokens;
  private final KernelFilter filter;
  private final ModelRunner.Limits limits;
  private final StepBatch batch;
  private final DeviceStep step;
  private final MaskTables mask;
  private final DeviceKv kv;
  private final CudaForward forward;
  private final DeviceMemory drawn; // int32 [sequences]
  private final DeviceMemory sweep;
  private final CudaEvent begin;
  private final CudaEvent end;
  private final List<KernelTime> times = new ArrayList<>();

  private KernelTimes(CudaBackend.Parts parts, double readBytesPerSecond) {
    this.parts = parts;
    this.config = parts.weights().config();
    this.readBytesPerSecond = readBytesPerSecond;
    this.context = Math.min(CONTEXT, config.contextLength());
    this.prefillTokens = Math.min(PREFILL_TOKENS, config.contextLength());
    int kvTokens = Math.max(MOST_SEQUENCES * (context + ModelRunner.BLOCK_SIZE), prefillTokens);
    int longest = Math.max(context, prefillTokens);
    int stepTokens = Math.max(prefillTokens, MOST_SEQUENCES);
    this.limits =
        new ModelRunner.Limits(stepTokens, MOST_SEQUENCES, longest, kvTokens, MOST_SEQUENCES);
    CudaDevice device = parts.device();
    this.filter = new KernelFilter(parts.kernels(), parts.blas());
    CudaBackend.Parts filtered =
        new CudaBackend.Parts(
            device,
            parts.stream(),
            filter.kernels(),
            filter.blas(),
            parts.pool(),
            parts.weights(),
            parts.elastic(),
            parts.unitMeans(),
            parts.tracker());
    this.batch = new StepBatch(config, stepTokens, MOST_SEQUENCES, longest, ModelRunner.BLOCK_SIZE);
    this.step = new DeviceStep(parts, limits);
    parts.elastic().open();
    this.mask = new MaskTables(parts);
    this.kv = new DeviceKv(parts, limits, mask.headGroups());
    this.forward = new CudaForward(filtered, mask, kv, limits, MOST_SEQUENCES);
    this.drawn = device.allocate((long) MOST_SEQUENCES * Integer.BYTES, MemoryOwner.WORKSPACE);
    long sweepBytes = Math.min(SWEEP_BYTES, device.memoryInfo().free() / 4) / 4096 * 4096;
    this.sweep = device.allocate(sweepBytes, MemoryOwner.WORKSPACE);
    this.begin = device.newEvent();
    this.end = device.newEvent();
  }

  /** {@return decode steps of 1, 8 and 32 sequences, then prefill attention} */
  static List<KernelTime> measure(CudaBackend.Parts parts) {
    double readBytesPerSecond = DeviceBandwidth.measure(parts);
    try (KernelTimes times = new KernelTimes(parts, readBytesPerSecond)) {
      for (int sequences : SEQUENCES) {
        times.fill(sequences, times.context - 1, 1);
        for (Call call : times.filter.callsOf(() -> times.queue(sequences))) {
          times.time(call, sequences, 1, times.context);
        }
      }
      times.fill(1, 0, times.prefillTokens);
      Call attention = new Call(Part.ATTENTION, "attentionMany", 0);
      times.time(attention, 1, times.prefillTokens, times.prefillTokens);
      return List.copyOf(times.times);
    }
  }

  private void fill(int sequences, int first, int count) {
    KvBlockPool pool = new KvBlockPool(limits.blocks(), ModelRunner.BLOCK_SIZE);
    byte[] present = new byte[config.layers() * config.kvHeads()];
    Arrays.fill(present, (byte) 1);
    batch.clear();
    for (int i = 0; i < sequences; i++) {
      BlockTable table = new BlockTable();
      pool.reserve(table, first + count);
      batch.add(new int[first + count], first, count, table, present);
    }
    step.fill(batch, batch.tokens());
    step.upload(sequences);
    step.uploadQueued();
  }

  private void queue(int sequences) {
    long stream = parts.stream().handle();
    for (int i = 0; i < 2 * config.layers(); i += 2) {
      filter.enter(Part.EMBEDDING);
      forward.embed(step);
      filter.enter(Part.ATTENTION);
      forward.sublayer(i, step);
      filter.enter(Part.FEED_FORWARD);
      forward.sublayer(i + 1, step);
      filter.enter(Part.OUTPUT);
      forward.logits(0, sequences);
      long logits = forward.logits().address();
      filter.kernels().argmax(stream, drawn.address(), logits, sequences, config.vocabularySize());
    }
  }

  private void time(Call call, int sequences, int tokens, int positions) {
    CudaStream stream = parts.stream();
    filter.queueOnly(call);
    queue(sequences); // what CUDA loads at the first launch
    double[] micros = new double[REPLAYS];
    try (CudaGraph graph = stream.capture(() -> queue(sequences))) {
      for (int i = 0; i < REPLAYS; i++) {
        parts.kernels().read(stream.handle(), sweep.address(), sweep.bytes(), drawn.address());
        stream.record(begin);
        stream.launch(graph);
        stream.record(end);
        end.await();
        micros[i] = 1e3 * end.millisecondsSince(begin) / config.layers();
      }
    }
    Arrays.sort(micros);
    double median = micros[REPLAYS / 2];
    long bytes = bytes(call, (long) sequences * tokens, positions);
    boolean isPrefill = call.function().equals("attentionMany");
    boolean isNumbered = call.function().equals("product");
    times.add(
        new KernelTime(
            sequences,
            tokens,
            positions,
            call.part().text(),
            isNumbered ? "cuBLAS " + (call.nth() + 1) : call.function(),
            median,
            bytes,
            bytes / median * 1e6,
            bytes / median * 1e6 / readBytesPerSecond,
            isPrefill ? 2.0 * config.querySize() * tokens * (tokens + 1) / median * 1e6 : 0));
  }

  // Each operand read once, each result written once.
  private long bytes(Call call, long tokens, int positions) {
    long d = config.hiddenSize();
    long f = config.feedForwardSize();
    long q = config.querySize();
    long qkv = (long) config.kvHeads() * CudaWeights.qkvRows(config);
    long v = config.vocabularySize();
    long kvBytes = (qkv - q) * Element.BYTES; // of a token
    boolean isAttention = call.part() == Part.ATTENTION;
    return switch (call.function()) {
      case "embed", "rmsNorm" -> tokens * d * (Float.BYTES + Element.BYTES);
      case "rows" -> isAttention ? product(d, qkv, tokens) : logits(d, v, tokens);
      case "gatedRows" -> product(d, f, tokens) + f * d * Element.BYTES;
      case "accumulate" -> accumulated(isAttention ? q : f, d, tokens);
      case "product" ->
          switch (call.part()) {
            case ATTENTION -> call.nth() == 0 ? product(d, qkv, tokens) : accumulated(q, d, tokens);
            case FEED_FORWARD -> call.nth() < 2 ? product(d, f, tokens) : accumulated(f, d, tokens);
            case EMBEDDING, OUTPUT -> logits(d, v, tokens);
          };
      case "ropeStore" ->
          tokens * (2 * qkv * Element.BYTES + (long) config.headSize() * Float.BYTES);
      case "attentionOne" -> tokens * (positions * kvBytes + 2 * q * Element.BYTES);
      case "attentionMany" -> tokens * (kvBytes + 2 * q * Element.BYTES);
      case "swiglu" -> 3 * tokens * f * Element.BYTES;
      case "addRow" -> (2 * tokens + 1) * d * Float.BYTES;
      case "argmax" -> tokens * v * Float.BYTES;
      default -> throw new IllegalStateException("what does " + call + " move?");
    };
  }

  private static long product(long inputs, long outputs, long tokens) {
    return (inputs * outputs + tokens * (inputs + outputs)) * Element.BYTES;
  }

  private static long logits(long inputs, long outputs, long tokens) {
    return product(inputs, outputs, tokens) + tokens * outputs * (Float.BYTES - Element.BYTES);
  }

  private static long accumulated(long inputs, long outputs, long tokens) {
    return (inputs * outputs + tokens * inputs) * Element.BYTES
        + 2 * tokens * outputs * Float.BYTES;
  }

  @Override
  public void close() {
    parts.stream().synchronize();
    begin.close();
    end.close();
    sweep.close();
    drawn.close();
    forward.close();
    kv.close();
    mask.close();
    step.close();
    batch.close();
    parts.elastic().leave();
  }
}
