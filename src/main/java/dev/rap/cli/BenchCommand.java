package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.cuda.CudaBackend;
import dev.rap.cuda.KernelTime;
import dev.rap.cuda.MemorySample;
import dev.rap.engine.Backend;
import dev.rap.engine.Ceilings;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelFile;
import dev.rap.engine.ModelRunner;
import dev.rap.memory.Workload;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap bench}. */
@Command(
    name = "bench",
    description = {
      "Measures how fast a model reads prompts and draws tokens, and what this machine's memory and"
          + " arithmetic would allow.",
      "Prompts are random tokens; the tokens that are drawn follow them, so --prefill 1 measures an"
          + " empty context. A model that the caches hold can pass the limit."
    },
    footer = {"", "Example: ./rap bench smollm2-135m --prefill 512 --decode 64"})
final class BenchCommand implements Callable<Integer> {
  private static final int MOST_SEQUENCES = 256;
  private static final int MOST_REPETITIONS = 1000;
  private static final double ELASTIC_SHARE = 0.2; // of the channel blocks

  private final Console console;

  @Mixin private ModelOptions models;

  @Option(
      names = "--prefill",
      paramLabel = "N",
      description = "Tokens of a prompt. Default: ${DEFAULT-VALUE}.")
  private int prefill = 512;

  @Option(
      names = "--decode",
      paramLabel = "N",
      description = "Tokens drawn after it. Default: ${DEFAULT-VALUE}.")
  private int decode = 64;

  @Option(
      names = "--batch",
      paramLabel = "B",
      description = "Sequences at once. Default: ${DEFAULT-VALUE}.")
  private int batch = 1;

  @Option(
      names = "--repetitions",
      paramLabel = "N",
      description = "Runs that are timed, after one that is not. Default: ${DEFAULT-VALUE}.")
  private int repetitions = 5;

  @Option(
      names = "--kernels",
      description = {
        "Also time each kernel of decode steps of 1, 8 and 32 sequences after 512 tokens, and prefill"
            + " attention, of the dense model. Needs --backend cuda."
      })
  private boolean kernels;

  @Option(
      names = "--elastic",
      paramLabel = "N",
      description = {
        "Instead, give a fifth of the channel blocks back and take them again, N times, while the"
            + " sequences of --batch decode."
      })
  private int elasticChanges;

  @Option(
      names = "--requests",
      paramLabel = "FILE",
      description = {
        "Instead, draw what a file asks for, at most --batch at once, while the budget moves: a line"
            + " is {\"arrival\": SECONDS, \"prompt\": TEXT, \"tokens\": N}."
      })
  private Path requests;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description = "Most time for --requests. Default: ${DEFAULT-VALUE}.")
  private double seconds = 60;

  @Mixin private ElasticOptions elastic;

  private int graphKernels; // of a decode step
  private MemorySample gpuMemory; // null on the CPU, or if it cannot be read

  @Mixin private MaskOptions masks;
  @Mixin private ReportOption report;

  BenchCommand(Console console) {
    this.console = console;
  }

  /**
   * The figures of {@code --json}. Speeds are of all sequences together, medians where they are not
   * called best.
   *
   * @param weightBytes that a decode step reads
   * @param kvBytes that a decode step reads on average
   * @param decodeBytesPerSecond weights and KV that were read in a second
   * @param ceilings of this machine
   * @param decodeLimitTokensPerSecond what its reads allow
   * @param kernelsPerDecodeStep that one launch of a CUDA graph starts; 0 on the CPU
   * @param gpuMemory after the runs, with the engine's KV cache; null on the CPU, or if it cannot
   *     be read
   * @param kernelTimes of {@code --kernels}, else empty
   */
  private record Figures(
      double prefillTokensPerSecond,
      double decodeTokensPerSecond,
      double bestPrefillTokensPerSecond,
      double bestDecodeTokensPerSecond,
      int prefillTokens,
      int decodeTokens,
      int batch,
      int repetitions,
      int threads,
      String kernels,
      long weightBytes,
      long kvBytes,
      double decodeBytesPerSecond,
      Ceilings ceilings,
      double decodeLimitTokensPerSecond,
      double prefillFlopsPerSecond,
      int kernelsPerDecodeStep,
      MemorySample gpuMemory,
      List<KernelTime> kernelTimes) {}

  @Override
  public Integer call() {
    check();
    boolean moves = elastic.moves(masks);
    try (LoadedModel model = models.open(console, masks.fit(batch, this::context, console))) {
      if (kernels && !(model.backend() instanceof CudaBackend)) {
        throw new InputException("--kernels times a GPU's kernels: add --backend cuda");
      }
      if (requests != null) {
        RequestRun.Figures figures = serve(model, moves);
        report.print(console, figures, out -> RequestRun.print(out, figures));
        return 0;
      }
      int most = model.config().contextLength();
      if ((long) prefill + decode > most) {
        throw new InputException(
            "--prefill and --decode must be at most %d together, the model's context, were %d and %d"
                .formatted(most, prefill, decode));
      }
      if (elasticChanges > 0) {
        ElasticRun.Figures figures = measureElastic(model);
        report.print(console, figures, out -> ElasticRun.table(figures).print(out));
        return 0;
      }
      MaskOptions.Choice choice = masks.choose(model, new Workload(batch, prefill + decode));
      StepCost cost = StepCost.of(model.weights(), model.backend().storage(), choice.mask());
      List<SpeedRun> runs = measure(model, choice);
      Figures figures = figures(runs, cost, model.backend());
      report.print(console, figures, out -> print(out, figures));
    }
    return 0;
  }

  private void check() {
    boolean isCount = elasticChanges >= 0 && elasticChanges <= MOST_REPETITIONS;
    GenerationOptions.require(
        "--elastic", "in [0, %d]".formatted(MOST_REPETITIONS), isCount, elasticChanges);
    GenerationOptions.require("--prefill", "positive", prefill > 0, prefill);
    GenerationOptions.require("--decode", "positive", decode > 0, decode);
    String batches = "in [1, %d]".formatted(MOST_SEQUENCES);
    GenerationOptions.require("--batch", batches, batch > 0 && batch <= MOST_SEQUENCES, batch);
    String counts = "in [1, %d]".formatted(MOST_REPETITIONS);
    GenerationOptions.require(
        "--repetitions", counts, repetitions > 0 && repetitions <= MOST_REPETITIONS, repetitions);
  }

  private List<SpeedRun> measure(LoadedModel model, MaskOptions.Choice choice) {
    int[][] prompts = prompts(model.config().vocabularySize());
    List<SpeedRun> runs = new ArrayList<>();
    try (Engine engine = new Engine(model.backend(), options());
        Progress progress = new Progress(console, "bench", repetitions + 1, Progress.Unit.STEPS)) {
      choice.apply(engine);
      SpeedRun.measure(engine, prompts, decode); // until compilers and caches are warm
      progress.at(1);
      for (int i = 0; i < repetitions; i++) {
        runs.add(SpeedRun.measure(engine, prompts, decode));
        progress.at(i + 2);
      }
      graphKernels = engine.graphKernels();
      gpuMemory = model.backend() instanceof CudaBackend cuda ? cuda.memory().orElse(null) : null;
    }
    return runs;
  }

  private ElasticRun.Figures measureElastic(LoadedModel model) {
    elastic.keepHostMaster(model);
    try (Engine engine = engine(model, context(model.file()));
        Progress progress = new Progress(console, "bench", elasticChanges, Progress.Unit.STEPS)) {
      return new ElasticRun(engine, model.config().maskShape(), ELASTIC_SHARE)
          .run(prompts(model.config().vocabularySize()), elasticChanges, progress);
    }
  }

  /** {@return the longest that a sequence gets, of what is measured} */
  int context(ModelFile file) {
    if (requests != null) {
      return RequestRun.read(requests, file.tokenizer()).contextLength(file.config());
    }
    return elasticChanges > 0 ? file.config().contextLength() : prefill + decode;
  }

  // With room for all sequences at their longest.
  private Engine engine(LoadedModel model, int context) {
    int kvTokens = (int) Math.min(Integer.MAX_VALUE, (long) batch * context);
    return new Engine(model.backend(), new Engine.Options(batch, context, kvTokens));
  }

  private RequestRun.Figures serve(LoadedModel model, boolean moves) {
    RequestRun run = RequestRun.read(requests, model.tokenizer());
    int context = run.contextLength(model.config());
    MaskOptions.Choice choice = masks.choose(model, new Workload(batch, context));
    try (Engine engine = engine(model, context)) {
      if (moves) {
        ElasticOptions.Run budget = elastic.new Run(model, engine, masks, console);
        RequestRun.Figures figures = run.run(engine, budget.wholeBytes(), budget::step, seconds);
        budget.end();
        return figures;
      }
      long whole = engine.wholeBytes(model.memoryModel(engine.mask().shape()));
      choice.apply(engine);
      return run.run(engine, whole, drawn -> engine.step(), seconds);
    }
  }

  private int[][] prompts(int vocabularySize) {
    SplittableRandom random = new SplittableRandom(0);
    int[][] prompts = new int[batch][prefill];
    for (int[] prompt : prompts) {
      for (int i = 0; i < prefill; i++) {
        prompt[i] = random.nextInt(vocabularySize);
      }
    }
    return prompts;
  }

  private Engine.Options options() {
    long context = SpeedRun.contextLength(batch, prefill, decode);
    long kvTokens = batch * (context + ModelRunner.BLOCK_SIZE);
    if (kvTokens > Integer.MAX_VALUE) {
      throw new InputException(
          "--batch, --prefill and --decode ask for a KV cache of %d tokens, more than can be: make one of them smaller"
              .formatted(kvTokens));
    }
    return new Engine.Options(batch, (int) context, (int) kvTokens);
  }

  private Figures figures(List<SpeedRun> runs, StepCost cost, Backend backend) {
    double prefillSpeed = median(runs, SpeedRun::prefillTokensPerSecond);
    double decodeSpeed = median(runs, SpeedRun::decodeTokensPerSecond);
    double bytes = cost.decodeBytes(batch, prefill + (decode + 1) / 2.0);
    Ceilings ceilings = backend.measureCeilings();
    return new Figures(
        prefillSpeed,
        decodeSpeed,
        runs.stream().mapToDouble(SpeedRun::prefillTokensPerSecond).max().orElseThrow(),
        runs.stream().mapToDouble(SpeedRun::decodeTokensPerSecond).max().orElseThrow(),
        prefill,
        decode,
        batch,
        repetitions,
        models.threads(),
        backend.description(),
        cost.weightBytes(),
        Math.round(bytes - cost.weightBytes()),
        bytes * decodeSpeed / batch,
        ceilings,
        ceilings.readBytesPerSecond() / bytes * batch,
        cost.prefillFlops(prefill) / prefill * prefillSpeed,
        graphKernels,
        gpuMemory,
        kernels && backend instanceof CudaBackend cuda ? cuda.kernelTimes() : List.of());
  }

  private static double median(List<SpeedRun> runs, ToDoubleFunction<SpeedRun> speed) {
    double[] sorted = runs.stream().mapToDouble(speed).sorted().toArray();
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }

  private static void print(PrintWriter out, Figures f) {
    new Table("", "tokens", "tokens/s", "best", "limit", "reached")
        .row(
            "prefill",
            f.batch() + " x " + f.prefillTokens(),
            rate(f.prefillTokensPerSecond()),
            rate(f.bestPrefillTokensPerSecond()),
            "",
            rate(f.prefillFlopsPerSecond() / 1e9) + " GFLOP/s")
        .row(
            "decode",
            f.batch() + " x " + f.decodeTokens(),
            rate(f.decodeTokensPerSecond()),
            rate(f.bestDecodeTokensPerSecond()),
            rate(f.decodeLimitTokensPerSecond()),
            rate(100 * f.decodeTokensPerSecond() / f.decodeLimitTokensPerSecond()) + " %")
        .print(out);
    out.printf(
        "a decode step reads %s of weights and %s of KV: %s%n",
        Bytes.text(f.weightBytes()), Bytes.text(f.kvBytes()), speed(f.decodeBytesPerSecond()));
    out.println(text(f.ceilings()));
    if (f.kernelsPerDecodeStep() > 0) {
      out.printf(
          "a decode step is 1 launch of a CUDA graph of %d kernels%n", f.kernelsPerDecodeStep());
    }
    if (f.gpuMemory() != null) {
      out.println(text(f.gpuMemory()));
    }
    out.printf("kernels: %s%n", f.kernels());
    if (!f.kernelTimes().isEmpty()) {
      out.println();
      table(f.kernelTimes()).print(out);
    }
  }

  private static String text(Ceilings ceilings) {
    String reads = "this machine reads " + speed(ceilings.readBytesPerSecond());
    return ceilings.flopsPerSecond() == null
        ? reads
        : "%s, copies %s, and multiplies and adds %s GFLOP/s in float32"
            .formatted(
                reads, speed(ceilings.copyBytesPerSecond()), rate(ceilings.flopsPerSecond() / 1e9));
  }

  private static String speed(double bytesPerSecond) {
    return Bytes.text(Math.round(bytesPerSecond)) + "/s";
  }

  /** {@return how a GPU's memory is used, in one line} */
  static String text(MemorySample memory) {
    return "GPU memory: weights %s, KV %s, workspace %s, spare pages %s, CUDA's own %s, others %s, free %s of %s"
        .formatted(
            Bytes.text(memory.weights()),
            Bytes.text(memory.kv()),
            Bytes.text(memory.workspace()),
            Bytes.text(memory.spare()),
            Bytes.text(memory.cuda()),
            Bytes.text(Math.max(0, memory.others())),
            Bytes.text(memory.free()),
            Bytes.text(memory.total()));
  }

  /** {@return the kernels of a step, one a row} */
  static Table table(List<KernelTime> times) {
    Table table =
        new Table("step", "part", "kernel", "µs a layer", "MB", "TB/s", "of a read", "TFLOP/s");
    for (KernelTime time : times) {
      boolean isDecode = time.flopsPerSecond() == 0;
      table.row(
          isDecode ? "decode " + time.sequences() : "prefill " + time.tokens(),
          time.part(),
          time.kernel(),
          rate(time.micros()),
          String.format(Locale.ROOT, "%.2f", time.bytes() / 1e6),
          String.format(Locale.ROOT, "%.2f", time.bytesPerSecond() / 1e12),
          String.format(Locale.ROOT, "%.0f %%", 100 * time.shareOfRead()),
          isDecode ? "" : String.format(Locale.ROOT, "%.0f", time.flopsPerSecond() / 1e12));
    }
    return table;
  }

  private static String rate(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
