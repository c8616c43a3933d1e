package dev.rap.cli;

import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Prints a text piece by piece, each to be seen at once.
 *
 * <p>Where a person watches, control characters become U+FFFD: a terminal would obey them.
 */
final class LiveText implements Consumer<String> {
  private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}&&[^\\n\\t]]");

  private final Console console;
  private boolean lineIsOpen;

  LiveText(Console console) {
    this.console = console;
  }

  @Override
  public void accept(String piece) {
    if (piece.isEmpty()) {
      return;
    }
    console
        .out()
        .print(console.outTerminal() ? CONTROL.matcher(piece).replaceAll("\uFFFD") : piece);
    console.out().flush();
    lineIsOpen = !piece.endsWith("\n");
  }

  /** Ends the line that the text left open. */
  void end() {
    if (lineIsOpen) {
      console.out().println();
      console.out().flush();
      lineIsOpen = false;
    }
  }
}
