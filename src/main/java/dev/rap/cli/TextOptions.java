package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.Sha256;
import dev.rap.engine.LoadedModel;
import dev.rap.eval.Perplexity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A text to run a model over. */
final class TextOptions {
  @Option(
      names = "--text",
      paramLabel = "FILE",
      description = "The text, UTF-8, or 'bundled:calibration', 'bundled:test'.")
  private String file;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--max-windows",
      paramLabel = "N",
      description = "Windows that are used, from the beginning. Default: all.")
  private int maxWindows = Integer.MAX_VALUE;

  /**
   * A text in windows.
   *
   * @param tokens of the whole text
   * @param digest SHA-256 of the text and how it was cut, hex
   */
  record Windows(List<int[]> windows, long tokens, String digest) {
    Windows {
      windows = List.copyOf(windows);
    }

    /** {@return tokens of each window} */
    int length() {
      return windows.getFirst().length;
    }
  }

  /** {@return whether a text was named} */
  boolean given() {
    return file != null;
  }

  /**
   * {@return the text in windows of {@code length} tokens}
   *
   * @throws InputException if it cannot be read or is too short
   * @throws ParameterException if none was named
   */
  Windows read(Console console, LoadedModel model, int length) {
    if (!given()) {
      throw new ParameterException(command.commandLine(), "Missing required option: '--text=FILE'");
    }
    if (length < 2 || maxWindows < 1) {
      throw new InputException(
          "--window must be at least 2 and --max-windows at least 1, were %d and %d"
              .formatted(length, maxWindows));
    }
    byte[] bytes = bytes(Models.of(console.environment()));
    int[] tokens = model.tokenizer().encode(new String(bytes, StandardCharsets.UTF_8));
    model.config().requireTokens("the text", tokens);
    List<int[]> windows = Perplexity.windows(tokens, length, maxWindows);
    return new Windows(windows, tokens.length, digest(bytes, windows));
  }

  private byte[] bytes(Models models) {
    Path path = BundledModel.text(file, models).orElseGet(() -> Path.of(file));
    try {
      if (Files.isDirectory(path)) {
        throw new InputException("--text needs a file of text, but %s is a folder".formatted(path));
      }
      return Files.readAllBytes(path);
    } catch (NoSuchFileException e) {
      throw new InputException("--text needs a file of text, but there is no " + path, e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(path, e.getMessage()), e);
    }
  }

  private static String digest(byte[] text, List<int[]> windows) {
    MessageDigest sha = Sha256.begin();
    sha.update(
        "%d windows of %d\n"
            .formatted(windows.size(), windows.getFirst().length)
            .getBytes(StandardCharsets.UTF_8));
    sha.update(text);
    return Sha256.end(sha);
  }
}
