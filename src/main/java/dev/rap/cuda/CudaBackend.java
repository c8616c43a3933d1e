package dev.rap.cuda;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Backend;
import dev.rap.engine.ModelRunner;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.model.ModelConfig;
import dev.rap.model.Weights;
import dev.rap.natives.NativeLibrary;
import dev.rap.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleConsumer;
import java.util.function.Function;

/** Runs a model on an NVIDIA GPU. Belongs to the thread that made it. */
public final class CudaBackend implements Backend {
  private static final System.Logger LOG = System.getLogger(CudaBackend.class.getName());

  // Fewer leave cuBLAS below its speed, more take workspace without gain.
  private static final int STEP_TOKENS = 2048;

  private static final Set<Integer> HEAD_SIZES = Set.of(32, 64, 96, 128);

  /** Parameters of matrices in two bytes, vectors and the hidden state in F32. */
  static final Storage STORAGE =
      new Storage() {
        @Override
        public long bytes(Tensor tensor) {
          long elements = (long) tensor.rows() * tensor.columns();
          return elements * (tensor.rows() == 1 ? Float.BYTES : Element.BYTES);
        }

        @Override
        public long workspaceBytesPerToken(ModelConfig config) {
          long elements =
              config.hiddenSize()
                  + (long) config.kvHeads() * CudaWeights.qkvRows(config)
                  + config.querySize()
                  + 2L * config.feedForwardSize();
          return Float.BYTES * (long) config.hiddenSize() + Element.BYTES * elements;
        }

        @Override
        public int stepTokens() {
          return STEP_TOKENS;
        }
      };

  /** What runners share. */
  record Parts(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      Optional<CudaBlas> blas,
      PagePool pool,
      CudaWeights weights,
      ElasticWeights elastic,
      SharedTracker tracker) {}

  private final Weights weights;
  private final Parts parts;

  private CudaBackend(Weights weights, Parts parts) {
    this.weights = weights;
    this.parts = parts;
  }

  /**
   * Opens the GPU and brings a model to it.
   *
   * @param progress is told the share done, in [0, 1], 0 when copying begins
   * @return the backend, or why there can be none here
   * @throws InputException if the model does not fit
   */
  public static Result open(Weights weights, DoubleConsumer progress) {
    return switch (Cuda.open()) {
      case Cuda.Missing missing -> missing;
      case Cuda.Opened opened ->
          switch (NativeLibrary.cuda()) {
            case NativeLibrary.Unavailable none -> {
              opened.driver().close();
              yield new Cuda.Missing(none.reason(), none.remedy());
            }
            case NativeLibrary.Loaded loaded ->
                open(opened, new NativeCudaKernels(loaded.symbols()), weights, progress);
          };
    };
  }

  /** What came of {@link #open}. */
  public sealed interface Result permits Opened, Cuda.Missing {}

  /** The model is on the GPU. */
  public record Opened(CudaBackend backend) implements Result {}

  private static Result open(
      Cuda.Opened opened, CudaKernels kernels, Weights weights, DoubleConsumer progress) {
    CudaDevice device = CudaDevice.open(opened.driver());
    boolean done = false;
    try {
      device.load(kernels::prepare);
      Optional<CudaBlas> blas = blas(CublasLibrary.find(), library -> new Cublas(device, library));
      Result result = new Opened(load(device, kernels, blas, weights, progress));
      done = true;
      return result;
    } catch (CudaException e) {
      return new Cuda.Missing(
          "the GPU %s cannot be used: %s".formatted(device.facts().name(), e.getMessage()),
          "run with --backend cpu, and see ./rap doctor");
    } finally {
      if (!done) {
        device.abandon();
      }
    }
  }

  /**
   * {@return cuBLAS, if it was found and starts; else that it is missing is logged}
   *
   * @param start makes it, or throws {@link CudaException}
   */
  static Optional<CudaBlas> blas(
      CublasLibrary.Outcome found, Function<CublasLibrary.Loaded, CudaBlas> start) {
    return switch (found) {
      case CublasLibrary.Loaded library -> {
        try {
          yield Optional.of(start.apply(library));
        } catch (CudaException e) {
          if (e.contextLost()) {
            throw e;
          }
          warn(
              e.getMessage() + ", of " + library.path(),
              "leave it more memory, or install a cuBLAS that fits the driver");
          yield Optional.empty();
        }
      }
      case CublasLibrary.Missing none -> {
        warn(none.reason(), none.remedy());
        yield Optional.empty();
      }
    };
  }

  private static void warn(String reason, String remedy) {
    LOG.log(
        System.Logger.Level.WARNING,
        "Reading prompts is slow: {0}. To mend it, {1}.",
        reason,
        remedy);
  }

  /** Brings a model to a device, which is closed with the backend. */
  static CudaBackend load(
      CudaDevice device,
      CudaKernels kernels,
      Optional<CudaBlas> blas,
      Weights weights,
      DoubleConsumer progress) {
    requireSupported(weights.config());
    requireRoom(device, weights);
    CudaStream stream = device.newStream();
    long matrix = (long) weights.config().feedForwardSize() * weights.config().hiddenSize();
    PagePool pool = new PagePool(device, PagePool.pageBytes(device, matrix * Element.BYTES));
    CudaWeights loaded = upload(device, stream, kernels, pool, weights, progress);
    ElasticWeights elastic =
        new ElasticWeights(
            device,
            stream,
            kernels,
            loaded,
            (shape, arrivals) ->
                new UnitFile(device, arrivals, kernels, loaded.element(), weights, shape));
    return new CudaBackend(
        weights,
        new Parts(device, stream, kernels, blas, pool, loaded, elastic, new SharedTracker(device)));
  }

  private static CudaWeights upload(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      PagePool pool,
      Weights weights,
      DoubleConsumer progress) {
    try (WeightsUpload upload =
        new WeightsUpload(device, stream, kernels, pool, weights, progress)) {
      return upload.run();
    }
  }

  // What kernels/rap_cuda.h demands of shapes.
  private static void requireSupported(ModelConfig config) {
    require("hidden size, a multiple of 64", config.hiddenSize(), config.hiddenSize() % 64 == 0);
    int channels = config.feedForwardSize();
    require("feed-forward size, a multiple of 16", channels, channels % 16 == 0);
    require(
        "head size, 32, 64, 96 or 128", config.headSize(), HEAD_SIZES.contains(config.headSize()));
    int heads = config.queryHeadsPerGroup();
    require("query heads of a KV head, at most 16", heads, heads <= 16);
  }

  private static void require(String what, int found, boolean holds) {
    if (!holds) {
      throw new InputException(
          "the CUDA kernels need another %s, this model's is %d: run with --backend cpu"
              .formatted(what, found));
    }
  }

  private static void requireRoom(CudaDevice device, Weights weights) {
    long weightBytes = MemoryModel.weightBytes(weights, STORAGE);
    long needed = StagingRing.BYTES + weightBytes;
    CudaDriver.MemoryInfo memory = device.memoryInfo();
    if (needed > memory.free()) {
      throw new InputException(
          "%s takes %s on the GPU (%s of weights in 2 bytes a parameter, %s to load them) and %s of %s are free there: close what uses the GPU, take a smaller model, or --backend cpu"
              .formatted(
                  weights.config().name(),
                  Bytes.text(needed),
                  Bytes.text(weightBytes),
                  Bytes.text(StagingRing.BYTES),
                  Bytes.text(memory.free()),
                  Bytes.text(memory.total())));
    }
  }

  Parts parts() {
    return parts;
  }

  @Override
  public String description() {
    DeviceFacts facts = parts.device().facts();
    return "cuda %s, %s, %s"
        .formatted(
            facts.name(),
            parts.weights().element().name().toLowerCase(Locale.ROOT),
            parts.blas().map(CudaBlas::description).orElse("no cuBLAS"));
  }

  @Override
  public Weights weights() {
    return weights;
  }

  @Override
  public Storage storage() {
    return STORAGE;
  }

  @Override
  public ModelRunner newRunner(ModelRunner.Limits limits) {
    return new CudaRunner(parts, limits);
  }

  @Override
  public void keepHostMaster() {
    parts.elastic().keepMaster();
  }

  @Override
  public double measureReadBandwidth() {
    return DeviceBandwidth.measure(parts);
  }

  /** {@return how the device's memory is used now} */
  public MemorySample memory() {
    try (MemoryTracker tracker = MemoryTracker.start(parts.device())) {
      return tracker.latest();
    }
  }

  /** {@return what each kernel of a step takes, of the whole model; may take a second} */
  public List<KernelTime> kernelTimes() {
    return KernelTimes.measure(parts);
  }

  @Override
  public void close() {
    parts.tracker().close();
    parts.elastic().close();
    parts.weights().close();
    parts.pool().close();
    parts.blas().ifPresent(CudaBlas::close);
    parts.stream().close();
    parts.device().close();
  }
}
