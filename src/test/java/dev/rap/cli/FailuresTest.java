package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class FailuresTest {
  private static String sentenceFor(Throwable thrown) {
    Captured captured = new Captured(Map.of(), false);
    assertEquals(1, new Failures(captured.console()).report(thrown));
    assertEquals(1, captured.err().lines().count(), captured.err());
    return captured.err().strip();
  }

  @Test
  void anInputExceptionSpeaksForItselfOnOneLine() {
    assertEquals("rap: a b", sentenceFor(new InputException("a\n  b\n")));
  }

  @Test
  void wrappersAreTakenOff() {
    Throwable wrapped =
        new CommandLine.ExecutionException(
            new CommandLine(CommandLine.Model.CommandSpec.create()),
            "wrapper",
            new CompletionException(
                new UncheckedIOException("wrapper", new NoSuchFileException("x.gguf"))));
    assertEquals("rap: there is no file x.gguf", sentenceFor(wrapped));
  }

  @Test
  void filesThatCannotBeUsedAreNamed() {
    assertEquals(
        "rap: permission to use x.gguf was denied",
        sentenceFor(new AccessDeniedException("x.gguf")));
    assertEquals(
        "rap: x.gguf cannot be used: No space left on device",
        sentenceFor(new FileSystemException("x.gguf", null, "No space left on device")));
    assertEquals(
        "rap: reading or writing failed: No space left on device",
        sentenceFor(new IOException("No space left on device")));
  }

  @Test
  void standardOutputThatIsLostIsNoFaultOfAFile() {
    assertEquals(
        "rap: standard output took no more: Broken pipe",
        sentenceFor(new Console.OutputLostException(new IOException("Broken pipe"))));
  }

  @Test
  void theVirtualMachineAtItsLimitsIsASentenceToo() {
    assertTrue(sentenceFor(new OutOfMemoryError("Java heap space")).contains("RAP_JAVA_OPTIONS"));
    assertTrue(sentenceFor(new StackOverflowError()).contains("nested too deeply"));
    String lost = "a fault occurred in an unsafe memory access operation";
    assertTrue(sentenceFor(new InternalError(lost)).contains("cut short"));
  }

  @Test
  void whatNobodyForesawIsNamedAndTheTraceIsOffered() {
    assertEquals(
        "rap: unexpected java.lang.IllegalStateException: boom: that is a fault of RAP's own;"
            + " RAP_TRACE=1 shows where, please report it",
        sentenceFor(new IllegalStateException("boom")));
  }

  @Test
  void theTraceIsPrintedOnRequestOnly() {
    Captured captured = new Captured(Map.of("RAP_TRACE", "1"), false);
    new Failures(captured.console()).report(new InputException("wrong"));
    assertTrue(captured.err().startsWith("rap: wrong"), captured.err());
    assertTrue(captured.err().contains("at dev.rap.cli.FailuresTest"), captured.err());
  }
}
