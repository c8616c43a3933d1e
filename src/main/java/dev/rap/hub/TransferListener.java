package dev.rap.hub;

/** Told how far a file is. */
public interface TransferListener {

  /**
   * A file begins to come.
   *
   * @param file its name
   * @param bytes that are there from an earlier try
   * @param total bytes
   */
  void begins(String file, long bytes, long total);

  /** So many bytes of the file are there; fewer than before where it is begun anew. */
  void at(long bytes);

  /** The file's bytes have come, or will not. */
  void ends();
}
