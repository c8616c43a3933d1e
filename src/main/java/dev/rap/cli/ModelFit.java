package dev.rap.cli;

import dev.rap.engine.ModelFile;
import dev.rap.memory.MemoryModel;
import dev.rap.model.RetentionMask;

/** Chooses what is loaded of a model that the GPU has no room for. */
interface ModelFit {
  /**
   * {@return the mask of what is loaded}
   *
   * @param memory of the model on the GPU
   * @param freeBytes that it may take there
   */
  RetentionMask choose(ModelFile file, MemoryModel memory, long freeBytes);
}
