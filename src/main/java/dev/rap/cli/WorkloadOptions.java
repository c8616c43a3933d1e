package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.memory.Workload;
import picocli.CommandLine.Option;

/** What is asked of the model at once. */
final class WorkloadOptions {
  @Option(
      names = "--batch",
      paramLabel = "B",
      description = "Sequences at once. Default: ${DEFAULT-VALUE}.")
  private int batch = 1;

  @Option(
      names = "--context",
      paramLabel = "S",
      description = "Tokens of each sequence. Default: ${DEFAULT-VALUE}.")
  private int context = 2048;

  /**
   * {@return the workload}
   *
   * @throws InputException if it is none
   */
  Workload workload() {
    if (batch < 1 || context < 1) {
      throw new InputException(
          "--batch and --context must be positive, were %d and %d".formatted(batch, context));
    }
    return new Workload(batch, context);
  }
}
