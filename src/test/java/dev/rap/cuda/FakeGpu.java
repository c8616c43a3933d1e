package dev.rap.cuda;

import dev.rap.memory.MemoryModel;
import dev.rap.model.Weights;
import java.util.Optional;

/** The CUDA backend on a driver over host memory, with oracles in the place of kernels. */
public final class FakeGpu {
  private FakeGpu() {}

  /** {@return a backend with all of a model} */
  static CudaBackend load(FakeDriver driver, Weights weights) {
    return load(driver, false, weights, Optional.empty());
  }

  /**
   * {@return a backend}
   *
   * @param blas whether there is cuBLAS, or what stands for it
   * @param fit see {@link CudaBackend#open}
   */
  static CudaBackend load(
      FakeDriver driver, boolean blas, Weights weights, Optional<CudaBackend.Fit> fit) {
    return CudaBackend.load(
        CudaDevice.open(driver),
        new OracleKernels(driver),
        blas ? Optional.of(new OracleBlas(driver)) : Optional.empty(),
        weights,
        fit,
        share -> {});
  }

  /**
   * {@return a backend with what {@code fit} chooses of a model, for all of which it lacks a byte}
   */
  public static CudaBackend loadPruned(Weights weights, CudaBackend.Fit fit) {
    long needed = StagingRing.BYTES + MemoryModel.weightBytes(weights, CudaBackend.STORAGE);
    return load(new FakeDriver(needed - 1, 0), false, weights, Optional.of(fit));
  }
}
