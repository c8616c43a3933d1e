package dev.rap.cli;

import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;

/** A console whose output is kept, and the exit code of the last command run on it. */
final class Captured {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Console console;
  private int exitCode = -1;

  Captured(Map<String, String> environment, boolean terminal) {
    console =
        new Console(
            new ByteArrayInputStream(new byte[0]),
            new PrintWriter(out),
            new PrintWriter(err, true),
            environment,
            terminal,
            terminal,
            terminal);
  }

  /** {@return what {@code args} print, in {@code environment}, with no terminal} */
  static Captured run(Map<String, String> environment, String... args) {
    Captured captured = new Captured(environment, false);
    captured.exitCode = RapCommand.run(captured.console, args);
    return captured;
  }

  Console console() {
    return console;
  }

  int exitCode() {
    return exitCode;
  }

  String out() {
    console.out().flush();
    return out.toString();
  }

  String err() {
    return err.toString();
  }
}
