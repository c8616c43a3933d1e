package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.engine.LoadedModel;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.pruning.BudgetTooSmallException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class MaskOptionsTest {
  @TempDir private Path folder;

  @CommandLine.Command
  private static final class Flags {
    @CommandLine.Mixin private MaskOptions masks;
  }

  @Test
  void whereNotEvenTheSmallestMaskFitsTheArithmeticIsSaid() {
    InputException refusal =
        assertThrows(InputException.class, () -> fit(100, "--policy=ffn-drop"));
    assertTrue(
        refusal.getMessage().contains("room for 100 B, the smallest mask needs "),
        refusal.getMessage());
  }

  @Test
  void aBudgetBelowTheSmallestMaskIsNoLackOfRoom() {
    BudgetTooSmallException refusal =
        assertThrows(
            BudgetTooSmallException.class, () -> fit(1 << 30, "--policy=ffn-drop", "--budget=1kB"));
    assertEquals(1000, refusal.allowedBytes());
  }

  private void fit(long freeBytes, String... args) {
    Flags flags = new Flags();
    new CommandLine(flags).parseArgs(args);
    ModelFit fit =
        flags.masks.fit(1, _ -> 64, new Captured(Map.of(), false).console()).orElseThrow();
    Path path =
        GgufFiles.write(
            folder.resolve("m.gguf"), RandomLlama.tiny(), writer -> writer.byteTokenizer(288));
    LoadedModel.open(
        path,
        file -> {
          MemoryModel memory =
              MemoryModel.of(file.weights(), file.config().maskShape(), Storage.AS_STORED);
          fit.choose(file, memory, freeBytes);
          throw new AssertionError("chose a mask");
        });
  }
}
