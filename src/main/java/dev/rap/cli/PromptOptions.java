package dev.rap.cli;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where a prompt comes from: exactly one of the flags is given. */
final class PromptOptions {
  private static final String STANDARD_INPUT = "-";

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description = "The prompt; '-' reads it from standard input.")
  private String text;

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "A file that holds the prompt, UTF-8. The line break at its end is left out.")
  private Path file;

  /**
   * {@return the prompt}
   *
   * @throws InputException if it cannot be read or is empty
   */
  String read(Console console) {
    String prompt = text;
    if (file != null) {
      prompt = withoutLastBreak(fileText());
    } else if (text.equals(STANDARD_INPUT)) {
      prompt = withoutLastBreak(inputText(console));
    }
    if (prompt.isEmpty()) {
      throw new InputException("the prompt is empty: give at least one character");
    }
    return prompt;
  }

  private String fileText() {
    try {
      if (Files.isDirectory(file)) {
        throw new InputException(
            "--prompt-file needs a file of text, but %s is a folder".formatted(file));
      }
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      throw new InputException("--prompt-file needs a file of text, but there is no " + file, e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static String inputText(Console console) {
    try {
      return new String(console.in().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new InputException("standard input cannot be read: " + e.getMessage(), e);
    }
  }

  // Editors and echo put it there; a model would take it for the end of a paragraph.
  private static String withoutLastBreak(String text) {
    return text.replaceFirst("\\r?\\n\\z", "");
  }
}
