package dev.rap.cli;

import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.model.Weights;
import java.util.function.DoubleConsumer;

/** How far the weights of a model are on their way to a device; nothing is shown before. */
final class LoadingProgress implements DoubleConsumer, AutoCloseable {
  private final Console console;
  private final long bytes;
  private Progress progress; // null until they are on their way

  LoadingProgress(Console console, Weights weights) {
    this.console = console;
    this.bytes = MemoryModel.weightBytes(weights, Storage.AS_STORED);
  }

  @Override
  public void accept(double share) {
    if (progress == null) {
      progress = new Progress(console, "loading", bytes, Progress.Unit.BYTES);
    }
    progress.share(share);
  }

  @Override
  public void close() {
    if (progress != null) {
      progress.close();
    }
  }
}
