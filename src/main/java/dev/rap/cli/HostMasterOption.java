package dev.rap.cli;

import dev.rap.engine.Backend;
import picocli.CommandLine.Option;

/** Where what leaves the GPU comes back from. */
final class HostMasterOption {
  private enum Choice {
    ON,
    OFF
  }

  @Option(
      names = "--host-master",
      paramLabel = "on|off",
      description =
          "Whether what comes back to the GPU comes from a copy in the host's memory, or from the"
              + " model's file. Default: on.")
  private Choice choice = Choice.ON;

  /** Keeps the copy, if one is asked for. */
  void keep(Backend backend) {
    if (choice == Choice.ON) {
      backend.keepHostMaster();
    }
  }
}
