package dev.rap.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** The flag {@code --json} of a command that reports figures, and the report it chooses. */
final class ReportOption {
  @Option(
      names = "--json",
      description = "Print the figures as one JSON document, the last line of standard output.")
  private boolean json;

  /** Prints {@code figures} as JSON if that was asked for, else runs {@code text}. */
  void print(Console console, Object figures, Consumer<PrintWriter> text) {
    if (json) {
      console.out().println(toJson(figures));
    } else {
      text.accept(console.out());
    }
    console.out().flush();
  }

  /** {@return whether the report will be JSON} */
  boolean json() {
    return json;
  }

  private static String toJson(Object figures) {
    try {
      return new ObjectMapper().writeValueAsString(figures);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("no JSON for " + figures.getClass(), e);
    }
  }
}
