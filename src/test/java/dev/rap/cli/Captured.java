package dev.rap.cli;

import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** A console whose output is kept, and the exit code of the last command run on it. */
final class Captured {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Console console;
  private int exitCode = -1;

  Captured(Map<String, String> environment, boolean terminal) {
    this(environment, terminal, "");
  }

  private Captured(Map<String, String> environment, boolean terminal, String input) {
    console =
        new Console(
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            new PrintWriter(out),
            new PrintWriter(err, true),
            environment,
            terminal,
            terminal,
            terminal);
  }

  /** {@return what {@code args} print, in {@code environment}, with no terminal} */
  static Captured run(Map<String, String> environment, String... args) {
    return runWithInput(environment, "", args);
  }

  /** {@return what {@code args} print, where standard input holds {@code input}} */
  static Captured runWithInput(Map<String, String> environment, String input, String... args) {
    Captured captured = new Captured(environment, false, input);
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
