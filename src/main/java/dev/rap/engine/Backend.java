package dev.rap.engine;

import dev.rap.memory.Storage;
import dev.rap.model.RetentionMask;
import dev.rap.model.Weights;

/** A model where it runs: its weights are there, and runners share them. */
public interface Backend extends AutoCloseable {

  /** {@return what runs, for people: such as {@code native avx512, 2 threads}} */
  String description();

  /** {@return the parameters as the model's file has them} */
  Weights weights();

  /** {@return what parameters and activations take here} */
  Storage storage();

  /**
   * {@return the mask that runners begin with: dense, unless the model was pruned to fit when it
   * was loaded}
   */
  RetentionMask initialMask();

  /** {@return a runner, closed by the caller and before this} */
  ModelRunner newRunner(ModelRunner.Limits limits);

  /**
   * Keeps a copy in the host's memory of what can leave the device, from which it comes back faster
   * than from the model's file. Must come before anything leaves. Nothing is kept on the CPU, nor
   * of a model that was pruned to fit.
   */
  void keepHostMaster();

  /** {@return what memory and arithmetic reach here, measured now} */
  Ceilings measureCeilings();

  @Override
  void close();
}
