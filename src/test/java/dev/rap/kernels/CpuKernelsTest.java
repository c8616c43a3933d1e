package dev.rap.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.natives.NativeLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;

/** What is run where there is no native library. */
class CpuKernelsTest {
  /** Keeps what is logged. */
  private static final class Notes extends Handler {
    private final List<String> lines = new ArrayList<>();

    @Override
    public void publish(LogRecord entry) {
      if (entry.getLevel().intValue() >= Level.WARNING.intValue()) {
        lines.add(new SimpleFormatter().formatMessage(entry));
      }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void withoutLibraryTheOracleRunsAfterOneWarning() {
    NativeLibrary.Outcome none = new NativeLibrary.Unavailable("it rains", "wait for the sun");
    Logger logger = Logger.getLogger(CpuKernels.class.getName());
    Notes notes = new Notes();
    logger.addHandler(notes);
    logger.setUseParentHandlers(false);
    try {
      for (int i = 0; i < 2; i++) {
        try (Kernels kernels = CpuKernels.open(none, 2)) {
          assertTrue(kernels.description().startsWith("reference"), kernels::description);
        }
      }
    } finally {
      logger.setUseParentHandlers(true);
      logger.removeHandler(notes);
    }
    assertEquals(
        List.of("Using the slow Java kernels: it rains. To mend it, wait for the sun."),
        notes.lines);
  }
}
