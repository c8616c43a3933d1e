package dev.rap.cuda;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Backend;
import dev.rap.engine.Ceilings;
import dev.rap.engine.ModelRunner;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.natives.NativeLibrary;
import dev.rap.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.function.Function;

/** Runs a model on an NVIDIA GPU. Belongs to the thread that made it. */
public final class CudaBackend implements Backend {
  private static final System.Logger LOG = System.getLogger(CudaBackend.class.getName());

  // Fewer leave cuBLAS below its speed, more take workspace without gain.
  private static final int STEP_TOKENS = 2048;

  private static final long PAGED_PARTS = 6; // of a layer: five matrices and its KV cache

  private static final String REMEDY = "run with --backend cpu";

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
      UnitMeans unitMeans,
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
   * @param fit if present, chooses what is brought of a model that does not fit
   * @param progress is told the share done, in [0, 1], 0 when copying begins
   * @return the backend, or why there can be none here
   * @throws InputException if the model does not fit
   */
  public static Result open(Weights weights, Optional<Fit> fit, DoubleConsumer progress) {
    Optional<String> lack = KernelLimits.lackFor(weights);
    return lack.isPresent() ? new Cuda.Missing(lack.get(), REMEDY) : opened(weights, fit, progress);
  }

  private static Result opened(Weights weights, Optional<Fit> fit, DoubleConsumer progress) {
    return switch (Cuda.open()) {
      case Cuda.Missing missing -> missing;
      case Cuda.Opened opened ->
          switch (NativeLibrary.cuda()) {
            case NativeLibrary.Unavailable none -> {
              opened.driver().close();
              yield new Cuda.Missing(none.reason(), none.remedy());
            }
            case NativeLibrary.Loaded loaded ->
                open(opened, new NativeCudaKernels(loaded.symbols()), weights, fit, progress);
          };
    };
  }

  /** Chooses what is brought of a model that does not fit. */
  public interface Fit {
    /**
     * {@return the mask of what is brought}
     *
     * @param memory of the model on the GPU
     * @param freeBytes that weights, KV cache and workspace may take
     */
    RetentionMask choose(MemoryModel memory, long freeBytes);
  }

  /** What came of {@link #open}. */
  public sealed interface Result permits Opened, Cuda.Missing {}

  /** The model is on the GPU. */
  public record Opened(CudaBackend backend) implements Result {}

  private static Result open(
      Cuda.Opened opened,
      CudaKernels kernels,
      Weights weights,
      Optional<Fit> fit,
      DoubleConsumer progress) {
    CudaDevice device = CudaDevice.open(opened.driver());
    boolean done = false;
    try {
      device.load(kernels::prepare);
      Optional<CudaBlas> blas = blas(CublasLibrary.find(), library -> new Cublas(device, library));
      Result result = new Opened(load(device, kernels, blas, weights, fit, progress));
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
      Optional<Fit> fit,
      DoubleConsumer progress) {
    KernelLimits.lackFor(weights)
        .ifPresent(
            lack -> {
              throw new InputException(lack + ": " + REMEDY);
            });
    long matrix = (long) weights.config().feedForwardSize() * weights.config().hiddenSize();
    PagePool pool = new PagePool(device, PagePool.pageBytes(device, matrix * Element.BYTES));
    RetentionMask mask = maskThatFits(device, pool, weights, fit);
    CudaStream stream = device.newStream();
    boolean isWhole = mask.isDense();
    DoubleConsumer uploaded = isWhole ? progress : share -> {}; // else most of it comes later
    CudaWeights loaded = upload(device, stream, kernels, pool, weights, isWhole, uploaded);
    ElasticWeights elastic =
        new ElasticWeights(
            device,
            stream,
            kernels,
            loaded,
            mask,
            (shape, arrivals) ->
                new UnitFile(device, arrivals, kernels, loaded.element(), weights, shape));
    if (!isWhole) {
      bring(elastic, mask, progress);
    }
    return new CudaBackend(
        weights,
        new Parts(
            device,
            stream,
            kernels,
            blas,
            pool,
            loaded,
            elastic,
            new UnitMeans(weights),
            new SharedTracker(device)));
  }

  private static CudaWeights upload(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      PagePool pool,
      Weights weights,
      boolean isWhole,
      DoubleConsumer progress) {
    try (WeightsUpload upload =
        new WeightsUpload(device, stream, kernels, pool, weights, isWhole, progress)) {
      return upload.run();
    }
  }

  // From the model's file, unit by unit.
  private static void bring(ElasticWeights elastic, RetentionMask mask, DoubleConsumer progress) {
    int sublayers = mask.shape().sublayers();
    RetentionMask brought = mask;
    for (int i = 0; i < sublayers; i++) {
      brought = brought.without(Sublayer.of(i));
    }
    for (int i = 0; i < sublayers; i++) {
      progress.accept((double) i / sublayers);
      brought = brought.with(Sublayer.of(i), mask.units(Sublayer.of(i)));
      elastic.require(brought);
    }
    progress.accept(1);
  }

  private static RetentionMask maskThatFits(
      CudaDevice device, PagePool pool, Weights weights, Optional<Fit> fit) {
    ModelConfig config = weights.config();
    long weightBytes = MemoryModel.weightBytes(weights, STORAGE);
    long needed = StagingRing.BYTES + weightBytes;
    CudaDriver.MemoryInfo memory = device.memoryInfo();
    if (needed <= memory.free()) {
      return RetentionMask.dense(config.maskShape());
    }
    if (fit.isPresent()) {
      long partPages = config.layers() * PAGED_PARTS * pool.pageBytes(); // each with one to spare
      MemoryModel model = MemoryModel.of(weights, config.maskShape(), STORAGE);
      long free = Math.max(0, memory.free() - StagingRing.BYTES - partPages);
      return fit.get().choose(model, free);
    }
    throw new InputException(
        "%s takes %s on the GPU (%s of weights in 2 bytes a parameter, %s to load them) and %s of %s are free there: close what uses the GPU, name a --policy that prunes it to fit, take a smaller model, or --backend cpu"
            .formatted(
                config.name(),
                Bytes.text(needed),
                Bytes.text(weightBytes),
                Bytes.text(StagingRing.BYTES),
                Bytes.text(memory.free()),
                Bytes.text(memory.total())));
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
  public RetentionMask initialMask() {
    return parts.elastic().initial();
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
  public Ceilings measureCeilings() {
    return new Ceilings(DeviceBandwidth.measure(parts), null, null);
  }

  /** {@return how the device's memory is used, see {@link SharedTracker#latest}} */
  public Optional<MemorySample> memory() {
    return parts.tracker().latest();
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
