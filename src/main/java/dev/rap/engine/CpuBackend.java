package dev.rap.engine;

import dev.rap.kernels.Kernels;
import dev.rap.memory.Storage;
import dev.rap.model.RetentionMask;
import dev.rap.model.Weights;

/** Runs a model on the CPU, its weights where the model's file is mapped. */
public final class CpuBackend implements Backend {
  private final Weights weights;
  private final Kernels kernels;
  private final int threads;

  /**
   * @param kernels are closed with this
   * @param threads that read and copy memory at once, where that is measured
   */
  public CpuBackend(Weights weights, Kernels kernels, int threads) {
    this.weights = weights;
    this.kernels = kernels;
    this.threads = threads;
  }

  @Override
  public String description() {
    return kernels.description();
  }

  @Override
  public Weights weights() {
    return weights;
  }

  @Override
  public Storage storage() {
    return Storage.AS_STORED;
  }

  @Override
  public RetentionMask initialMask() {
    return RetentionMask.dense(weights.config().maskShape());
  }

  @Override
  public ModelRunner newRunner(ModelRunner.Limits limits) {
    return new CpuRunner(weights, kernels, limits);
  }

  @Override
  public void keepHostMaster() {
    // The file's pages are all there is.
  }

  @Override
  public Ceilings measureCeilings() {
    return CpuCeilings.measure(kernels, threads);
  }

  @Override
  public void close() {
    kernels.close();
  }
}
