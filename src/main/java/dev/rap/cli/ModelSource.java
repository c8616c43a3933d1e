package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.hub.PartFile;
import java.io.IOException;

/** A place that published models can be had from. */
interface ModelSource {

  /** {@return what this place is called in sentences} */
  String name();

  /**
   * Brings the file of {@code model}, and has {@code part} accept it.
   *
   * @throws InputException if this source cannot give the file, with the reason
   * @throws IOException if this machine cannot take it
   */
  void fetch(PublishedModel model, PartFile part, Console console) throws IOException;
}
