package dev.rap.cli;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Path;

/** A place that published models can be had from. */
interface ModelSource {

  /** {@return what this place is called in sentences} */
  String name();

  /**
   * Writes the file of {@code model} to {@code part}, where an interrupted run may have left its
   * beginning. Who calls checks the result.
   *
   * @throws InputException if this source cannot give the file, with the reason
   * @throws IOException if this machine cannot take it
   */
  void fetch(PublishedModel model, Path part, Console console) throws IOException;
}
