package dev.rap.cli;

import dev.rap.hub.TransferListener;
import java.util.Optional;

/** Shows a {@link Progress} for each file that comes. */
final class TransferProgress implements TransferListener {
  private final Console console;
  private Optional<Progress> progress = Optional.empty();

  TransferProgress(Console console) {
    this.console = console;
  }

  @Override
  public void begins(String file, long bytes, long total) {
    if (total > 0) {
      progress =
          Optional.of(
              new Progress(console, file, bytes, total, Progress.Unit.BYTES, System::nanoTime));
    }
  }

  @Override
  public void at(long bytes) {
    progress.ifPresent(shown -> shown.at(bytes));
  }

  @Override
  public void ends() {
    progress.ifPresent(Progress::close);
    progress = Optional.empty();
  }
}
