package dev.rap.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * What a command sees of the process around it. All text is UTF-8, whatever the locale.
 *
 * @param in standard input
 * @param out standard output, for results; buffered, so flush what must be seen at once
 * @param err standard error, for progress and logs
 * @param environment variables
 * @param inTerminal whether a person types {@code in}
 * @param outTerminal whether a person watches {@code out}
 * @param errTerminal whether a person watches {@code err}
 */
record Console(
    InputStream in,
    PrintWriter out,
    PrintWriter err,
    Map<String, String> environment,
    boolean inTerminal,
    boolean outTerminal,
    boolean errTerminal) {

  Console {
    environment = Map.copyOf(environment);
  }

  /** {@return the console of this process} */
  static Console ofProcess() {
    OutputStream out = new BufferedOutputStream(new StandardOutput(), 1 << 13);
    OutputStream err = new FileOutputStream(FileDescriptor.err);
    return new Console(
        System.in,
        new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8), false),
        new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8), true),
        System.getenv(),
        isTerminal(0),
        isTerminal(1),
        isTerminal(2));
  }

  // java.io.Console knows of standard input and output together only.
  private static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException | UnsupportedOperationException e) {
      return System.console().isTerminal(); // never null since JDK 22
    }
  }

  /**
   * Standard output did not take what was written to it: its reader has gone, or a disk is full.
   */
  static final class OutputLostException extends UncheckedIOException {
    private static final long serialVersionUID = 1L;

    OutputLostException(IOException cause) {
      super("standard output took no more: " + cause.getMessage(), cause);
    }
  }

  // PrintWriter swallows an IOException; a command whose output nobody gets must end instead.
  private static final class StandardOutput extends FilterOutputStream {
    StandardOutput() {
      super(new FileOutputStream(FileDescriptor.out));
    }

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      try {
        out.write(bytes, offset, length);
      } catch (IOException e) {
        throw new OutputLostException(e);
      }
    }
  }
}
