package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.cuda.CudaException;
import dev.rap.cuda.DeviceOutOfMemoryException;
import dev.rap.pruning.BudgetTooSmallException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns a throwable into an exit code and one sentence on standard error. */
final class Failures {
  /** What was asked for could not be done. */
  static final int FAILURE = 1;

  /** The command line itself is wrong. */
  static final int WRONG_USE = 2;

  private final Console console;

  Failures(Console console) {
    this.console = console;
  }

  /** {@return the exit code for {@code thrown}, whose sentence has been printed} */
  int report(Throwable thrown) {
    Throwable cause = unwrapped(thrown);
    console.err().println("rap: " + sentence(cause).strip().replaceAll("\\s*\\R\\s*", " "));
    if ("1".equals(console.environment().get("RAP_TRACE"))) {
      thrown.printStackTrace(console.err());
    }
    console.err().flush();
    return cause instanceof ParameterException ? WRONG_USE : FAILURE;
  }

  private static Throwable unwrapped(Throwable thrown) {
    boolean isWrapper =
        switch (thrown) {
          case Console.OutputLostException e -> false;
          case CommandLine.ExecutionException e -> true;
          case UncheckedIOException e -> true;
          case CompletionException e -> true;
          case java.util.concurrent.ExecutionException e -> true;
          default -> false;
        };
    return isWrapper && thrown.getCause() != null ? unwrapped(thrown.getCause()) : thrown;
  }

  private static String sentence(Throwable cause) {
    return switch (cause) {
      case UnmatchedArgumentException e -> unmatched(e);
      case ParameterException e -> wrongUse(e);
      case InputException e -> e.getMessage();
      case BudgetTooSmallException e -> e.getMessage();
      case Console.OutputLostException e -> e.getMessage();
      case CudaException e -> e.getMessage();
      case DeviceOutOfMemoryException e ->
          e.getMessage()
              + ": free some of it, make the context or the batch smaller, or run with --backend cpu";
      case IOException e -> fileSentence(e);
      case OutOfMemoryError e -> outOfMemory(e);
      case StackOverflowError e ->
          "something in the input is nested too deeply for a stack of Java's usual size;"
              + " RAP_JAVA_OPTIONS=-Xss16m makes it larger, RAP_TRACE=1 shows where";
      // Java's word for a page of a mapped file that is no longer there.
      case InternalError e when String.valueOf(e.getMessage()).contains("unsafe memory access") ->
          "a file of the model was cut short or lost while it was in use: fetch it again, and leave it alone while RAP runs";
      default ->
          "unexpected %s: that is a fault of RAP's own; RAP_TRACE=1 shows where, please report it"
              .formatted(cause);
    };
  }

  private static String unmatched(UnmatchedArgumentException e) {
    String word = e.getUnmatched().getFirst();
    String command = e.getCommandLine().getCommandSpec().qualifiedName();
    boolean isRoot = e.getCommandLine().getParent() == null;
    String what =
        e.isUnknownOption()
            ? "'%s' has no option '%s'".formatted(command, word)
            : isRoot
                ? "there is no command '%s'".formatted(word)
                : "'%s' has no use for '%s'".formatted(command, word);
    List<String> known = e.getSuggestions();
    String suggestion = known.isEmpty() ? "" : ", did you mean '%s'?".formatted(known.getFirst());
    return what + suggestion + seeHelp(e);
  }

  private static String wrongUse(ParameterException e) {
    String message = e.getMessage().replaceFirst("^Error: ", "").replaceFirst("\\.$", "");
    return message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1) + seeHelp(e);
  }

  private static String seeHelp(ParameterException e) {
    return " (see './%s --help')".formatted(e.getCommandLine().getCommandSpec().qualifiedName());
  }

  private static String fileSentence(IOException thrown) {
    return switch (thrown) {
      case NoSuchFileException e -> "there is no file " + e.getFile();
      case NotDirectoryException e -> e.getFile() + " is not a folder";
      case AccessDeniedException e -> "permission to use %s was denied".formatted(e.getFile());
      case FileSystemException e ->
          e.getReason() == null
              ? "%s cannot be used (%s)".formatted(e.getFile(), e.getClass().getSimpleName())
              : "%s cannot be used: %s".formatted(e.getFile(), e.getReason());
      case FileNotFoundException e -> e.getMessage();
      default ->
          thrown.getMessage() == null
              ? "reading or writing failed (%s)".formatted(thrown.getClass().getSimpleName())
              : "reading or writing failed: " + thrown.getMessage();
    };
  }

  private static String outOfMemory(OutOfMemoryError e) {
    return "out of memory (%s): the Java heap may grow to %s here, RAP_JAVA_OPTIONS=-Xmx4g sets another limit"
        .formatted(e.getMessage(), Bytes.text(Runtime.getRuntime().maxMemory()));
  }
}
