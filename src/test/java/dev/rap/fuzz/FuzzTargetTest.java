package dev.rap.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A few seconds of fuzzing each, the same ones every time; {@code scripts/fuzz.sh} goes on longer.
 */
@Timeout(120)
class FuzzTargetTest {
  private static final String SEED = "20260101";
  private static final String RUNS = "1000";

  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource
  void soundFilesAreRead(FuzzTarget target) throws Exception {
    Path seeds = Files.createDirectory(folder.resolve("seeds"));
    Path files = Files.createDirectory(folder.resolve("files"));
    Seeds.write(target, seeds);
    Seeds.surroundings(files);
    try (Stream<Path> all = Files.list(seeds)) {
      for (Path seed : all.toList()) {
        assertTrue(target.attempt(files, Files.readAllBytes(seed)), seed::toString);
      }
    }
  }

  /** What came through to the terminal once: control characters of a file. */
  @ParameterizedTest
  @CsvSource({
    "CONFIG, '{\"architectures\": [\"Llama\u0085\u009b31m\"]}'",
    "TEMPLATE, '{{ raise_exception(\"a\u009b31m\") }}'",
    "SAFETENSORS, '=\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"\\u001b[31m\",\"shape\":[1],\"data_offsets\":[0,0]}}'",
    "TOKENIZER, '{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]},\"post_processor\":{\"type\":\"TemplateProcessing\","
        + "\"single\":[{\"SpecialToken\":{\"id\":\"\\u001b\"}},{\"Sequence\":{}}],\"special_tokens\":{\"\\u001b\":{\"ids\":7}}}}'",
    "MASK, '{la\0yers: []}'",
    "MASK, '{\"channelBlockSize\":32,\"profile\":null,\"layers\":[{\"headGroups\":\"all\",\"channelBlocks\":\"all\"}],\"\\u001b[31m\":1}'",
    "PROFILE, '{la\0\u009byers: []}'"
  })
  void whatIsRefusedIsShownWithoutItsControlCharacters(FuzzTarget target, String text)
      throws Exception {
    Seeds.surroundings(folder);
    assertFalse(target.attempt(folder, text.getBytes(StandardCharsets.UTF_8)));
  }

  @ParameterizedTest
  @EnumSource(names = {"CONFIG", "TOKENIZER", "MASK", "PROFILE"})
  void whatIsRefusedIsShownShortened(FuzzTarget target) throws Exception {
    Seeds.surroundings(folder);
    String twice = "\"%s\":1".formatted("a".repeat(2000));
    String text = "{%s,%s}".formatted(twice, twice);
    assertFalse(target.attempt(folder, text.getBytes(StandardCharsets.UTF_8)));
  }

  @ParameterizedTest
  @EnumSource
  void whateverJazzerMakesOfThemIsReadOrRefused(FuzzTarget target) throws Exception {
    Path seeds = Files.createDirectory(folder.resolve("seeds"));
    Path files = Files.createDirectory(folder.resolve("files"));
    Seeds.write(target, seeds);
    Process jazzer =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx512m",
                    "-XX:+EnableDynamicAgentLoading",
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    System.getProperty("java.class.path"),
                    "com.code_intelligence.jazzer.Jazzer",
                    "--target_class=" + Fuzzing.class.getName(),
                    "--target_args=" + target + " " + files,
                    "--instrumentation_includes=dev.rap.**",
                    "--reproducer_path=" + folder,
                    "-artifact_prefix=" + folder + "/",
                    "-max_len=32768",
                    "-seed=" + SEED,
                    "-runs=" + RUNS,
                    seeds.toString()))
            .redirectErrorStream(true)
            .start();
    jazzer.getOutputStream().close();
    String log = new String(jazzer.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, jazzer.waitFor(), log);
    assertTrue(log.contains("Done " + RUNS + " runs"), log);
  }
}
