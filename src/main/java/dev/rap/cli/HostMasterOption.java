package dev.rap.cli;

/** {@code --host-master}. */
enum HostMasterOption {
  ON,
  OFF;

  /** {@return whether a copy is kept in the host's memory} */
  boolean keeps() {
    return this == ON;
  }
}
