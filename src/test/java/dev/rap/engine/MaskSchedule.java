package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.kernels.CpuKernels;
import dev.rap.kv.BlockTable;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Sequences that go on while the mask changes under them, on a backend whose memory follows, and on
 * one that keeps everything: head groups go, others go as they return, whole layers go and return,
 * sequences begin and end between, means are added or not. A random model of three layers with four
 * head groups each.
 */
public final class MaskSchedule implements AutoCloseable {
  private static final ModelConfig CONFIG =
      RandomLlama.config("scheduled", 3, 64, 8, 4, 32, 160, 288, 256);
  private static final int MOST_TOKENS = 90;
  private static final ModelRunner.Limits LIMITS =
      new ModelRunner.Limits(64, 3, MOST_TOKENS, 3 * 96, 3);

  private final List<ModelRunner> runners;
  private final ModelRunner tested; // the last of them
  private final double tolerance;
  private final RetentionMask dense;
  private final Random random = new Random(5);
  private final MeanInputs means = means(CONFIG, random);
  private final List<Live> live = new ArrayList<>();
  private RetentionMask mask;
  private double worst;

  /** A sequence; its tokens are given, not drawn. */
  private static final class Live {
    final int[] tokens;
    final byte[] present = new byte[CONFIG.layers() * CONFIG.kvHeads()];
    final List<BlockTable> tables; // one a runner
    int cached;
    int length;

    Live(int[] tokens, int length, int runners) {
      this.tokens = tokens;
      this.length = length;
      this.tables = IntStream.range(0, runners).mapToObj(i -> new BlockTable()).toList();
      Arrays.fill(present, (byte) 1);
    }

    void lose(RetentionMask mask) {
      for (int i = 0; i < present.length; i++) {
        Sublayer attention = new Sublayer(i / CONFIG.kvHeads(), Sublayer.Kind.ATTENTION);
        if (!mask.retains(attention, i % CONFIG.kvHeads())) {
          present[i] = 0;
        }
      }
    }
  }

  private MaskSchedule(Backend reference, Backend tested, double tolerance, int channelBlockSize) {
    this.dense = RetentionMask.dense(CONFIG.maskShape(channelBlockSize));
    this.mask = dense;
    this.tested = tested.newRunner(LIMITS);
    this.runners = List.of(reference.newRunner(LIMITS), this.tested);
    this.tolerance = tolerance;
  }

  /**
   * Runs the schedule on a model in F16 and on the reference kernels.
   *
   * @param tolerance of the norm of a token's logits
   * @param channelBlockSize of the masks, for 160 channels
   */
  public static void check(
      Path folder, Function<Weights, Backend> load, double tolerance, int channelBlockSize) {
    check(
        folder,
        DType.F16,
        weights -> new CpuBackend(weights, CpuKernels.reference(), 1),
        load,
        tolerance,
        channelBlockSize);
  }

  /** Runs the schedule. */
  static void check(
      Path folder,
      DType dtype,
      Function<Weights, Backend> loadReference,
      Function<Weights, Backend> load,
      double tolerance,
      int channelBlockSize) {
    RandomLlama llama = RandomLlama.tiny().with(CONFIG).with(dtype);
    try (Checkpoint checkpoint =
        Checkpoint.open(GgufFiles.write(folder.resolve("m.gguf"), llama))) {
      Weights weights = WeightsLoader.load(checkpoint);
      try (Backend tested = load.apply(weights);
          Backend reference = loadReference.apply(weights);
          MaskSchedule schedule =
              new MaskSchedule(reference, tested, tolerance, channelBlockSize)) {
        schedule.run();
        System.out.printf("off by at most %.5f of the logits' norm%n", schedule.worst);
      }
    }
  }

  /** {@return means such as a calibration could find} */
  public static MeanInputs means(ModelConfig config, Random random) {
    float[][] means = new float[2 * config.layers()][];
    for (int i = 0; i < means.length; i++) {
      means[i] = new float[config.projectionInputSize(Sublayer.of(i).kind())];
      for (int j = 0; j < means[i].length; j++) {
        means[i][j] = (float) random.nextGaussian() / 8;
      }
    }
    return new MeanInputs(means);
  }

  private void run() {
    begin(37);
    begin(5);
    steps(4);
    change(groups(groups(dense, 0, 0, 2, 3), 1, 1, 3)); // groups go
    steps(4);
    change(groups(groups(groups(dense, 0, 0, 1), 1, 0, 2), 2, 3)); // others go as they return
    begin(20);
    steps(4);
    end(0); // leaves a hole of blocks below those of the others
    change(groups(dense, 2, 1, 2, 3).without(Sublayer.of(2)).without(Sublayer.of(3)));
    steps(3);
    begin(30);
    change(groups(groups(dense, 0, 1, 3), 2, 0, 3));
    steps(3);
    change(dense);
    steps(3);
    change(groups(groups(groups(dense, 0, 1), 1, 2), 2)); // little is left
    steps(3);
    change(dense);
    end(0);
    begin(16); // in blocks that others had
    steps(8);
    for (int round = 0; round < 30; round++) {
      wander();
    }
  }

  // Any units go and return, and so do blocks; memory follows at once, in steps, or not at all.
  private void wander() {
    RetentionMask next = dense;
    for (int i = 0; i < dense.shape().sublayers(); i++) {
      BitSet units = BitSet.valueOf(new long[] {random.nextLong(1 << 9)});
      units.clear(dense.shape().units(Sublayer.of(i).kind()), 9);
      next = random.nextInt(3) == 0 ? next : next.with(Sublayer.of(i), units);
    }
    RetentionMask wanted = next;
    if (random.nextBoolean()) {
      for (int tries = 0; !tested.prefetch(wanted); tries++) {
        assertTrue(tries < 1000, "what is wanted never comes");
        if (random.nextInt(20) == 0) {
          live.removeIf(sequence -> sequence.length > MOST_TOKENS - 8 && release(sequence));
          steps(1);
        }
        tested.work();
      }
    }
    change(wanted);
    if (random.nextInt(3) > 0) {
      tested.reclaim();
    }
    int blocks = random.nextInt(LIMITS.blocks() / 2, LIMITS.blocks() + 1);
    live.removeIf(sequence -> random.nextInt(4) == 0 && release(sequence));
    while (live.stream().mapToInt(sequence -> sequence.tables.get(0).blocks()).sum() > blocks - 6) {
      end(0);
    }
    for (int tries = 0; !resize(blocks); tries++) {
      assertTrue(tries < 1000, "the blocks never come");
      tested.work();
    }
    live.removeIf(sequence -> sequence.length > MOST_TOKENS - 8 && release(sequence));
    if (live.size() < 3) {
      begin(1 + random.nextInt(40));
    }
    steps(3);
  }

  private boolean resize(int blocks) {
    int index = runners.indexOf(tested);
    return tested.resizeKv(
        blocks, live.stream().map(sequence -> sequence.tables.get(index)).toList());
  }

  private boolean release(Live sequence) {
    for (int i = 0; i < runners.size(); i++) {
      runners.get(i).pool().release(sequence.tables.get(i));
    }
    return true;
  }

  private static RetentionMask groups(RetentionMask mask, int layer, int... groups) {
    BitSet units = new BitSet();
    Arrays.stream(groups).forEach(units::set);
    return mask.with(new Sublayer(layer, Sublayer.Kind.ATTENTION), units);
  }

  private void begin(int prompt) {
    int[] tokens = random.ints(MOST_TOKENS, 0, CONFIG.vocabularySize()).toArray();
    Live sequence = new Live(tokens, prompt, runners.size());
    sequence.lose(mask);
    live.add(sequence);
  }

  private void end(int index) {
    release(live.remove(index));
  }

  private void change(RetentionMask changed) {
    mask = changed;
    Optional<MeanInputs> added = Optional.of(means).filter(all -> random.nextInt(3) > 0);
    runners.forEach(runner -> runner.setMask(mask, added));
    live.forEach(sequence -> sequence.lose(mask));
  }

  private void steps(int count) {
    for (int i = 0; i < count; i++) {
      step();
    }
  }

  // Those of one token first, as the engine has them.
  private void step() {
    live.sort((a, b) -> Integer.compare(a.length - a.cached, b.length - b.cached));
    int[] last = new int[live.size()];
    List<double[]> logits = new ArrayList<>();
    for (int i = 0; i < runners.size(); i++) {
      ModelRunner runner = runners.get(i);
      runner.batch().clear();
      for (int s = 0; s < live.size(); s++) {
        Live sequence = live.get(s);
        BlockTable table = sequence.tables.get(i);
        assertTrue(runner.pool().reserve(table, sequence.length));
        int count = sequence.length - sequence.cached;
        runner.batch().add(sequence.tokens, sequence.cached, count, table, sequence.present);
        last[s] = runner.batch().tokens() - 1;
      }
      runner.run();
      logits.add(doubles(runner.logits(last, last.length), last.length));
    }
    compare(logits.get(0), logits.get(1));
    live.forEach(sequence -> sequence.cached = sequence.length++);
  }

  private static double[] doubles(MemorySegment logits, int rows) {
    double[] values = new double[rows * CONFIG.vocabularySize()];
    Arrays.setAll(values, i -> logits.getAtIndex(ValueLayout.JAVA_FLOAT, i));
    return values;
  }

  private void compare(double[] expected, double[] found) {
    int vocabulary = CONFIG.vocabularySize();
    for (int first = 0; first < expected.length; first += vocabulary) {
      double errors = 0;
      double squares = 0;
      for (int v = first; v < first + vocabulary; v++) {
        errors += Math.pow(found[v] - expected[v], 2);
        squares += Math.pow(expected[v], 2);
      }
      double error = Math.sqrt(errors / squares);
      worst = Math.max(worst, error);
      Live sequence = live.get(first / vocabulary);
      assertTrue(
          error <= tolerance,
          "token %d of %d is off by %g of the norm".formatted(sequence.length, MOST_TOKENS, error));
    }
  }

  @Override
  public void close() {
    runners.forEach(ModelRunner::close);
  }
}
