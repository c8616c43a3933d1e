package dev.rap.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every operation at random shapes and masks under AddressSanitizer and UBSan. Building the kernels
 * for that takes a minute or two, after which they stay in {@code target/sanitized}.
 */
class SanitizedKernelsTest {
  private static final String SEED = "20260101";
  private static final String[] SANITIZE = {
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
  };

  @TempDir private static Path folder;

  private static Path program;

  @BeforeAll
  static void build() throws Exception {
    CPrograms.need("gcc");
    Path empty = Files.writeString(folder.resolve("empty.c"), "int main(void) { return 0; }");
    List<String> probe =
        List.of("gcc", SANITIZE[0], empty.toString(), "-o", folder.resolve("empty").toString());
    assumeTrue(CPrograms.run(probe).exitCode() == 0, "gcc has no sanitizers here");
    Path output = Path.of("target", "sanitized");
    ProcessBuilder builder = new ProcessBuilder("scripts/build-native.sh", output.toString());
    builder.environment().put("RAP_SANITIZE", "1");
    CPrograms.Run built = CPrograms.run(builder);
    Path libraries = output.resolve("linux-x86_64").toAbsolutePath();
    assertEquals(0, built.exitCode(), built.out());
    assumeTrue(Files.exists(libraries.resolve("librap_cpu.so")), built.out());
    program = folder.resolve("random_kernels");
    CPrograms.compile(
        "gcc",
        "-std=gnu11",
        "-O1",
        "-g",
        SANITIZE[0],
        SANITIZE[1],
        "-Inative",
        "src/test/c/random_kernels.c",
        "-o",
        program.toString(),
        "-L" + libraries,
        "-lrap_cpu",
        "-Wl,-rpath," + libraries,
        "-pthread");
  }

  @Test
  void noKernelLeavesItsBuffers() throws Exception {
    CPrograms.Run run = CPrograms.run(List.of(program.toString(), SEED, "5"));
    assertEquals(0, run.exitCode(), run.out());
    assertTrue(run.out().matches("\\d{2,} operations, [1-4] instruction sets\\s*"), run.out());
  }

  @Test
  void oneElementTooFewWouldBeSeen() throws Exception {
    CPrograms.Run run = CPrograms.run(List.of(program.toString(), SEED, "5", "short"));
    assertNotEquals(0, run.exitCode());
    assertTrue(run.out().contains("heap-buffer-overflow"), run.out());
  }
}
