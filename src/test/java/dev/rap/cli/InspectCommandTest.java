package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.HuggingFaceFolders;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
  @TempDir private Path folder;

  private Captured inspect(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "inspect";
    System.arraycopy(args, 0, all, 1, args.length);
    return Captured.run(Map.of("HOME", folder.toString()), all);
  }

  private Path tinyInQ8() {
    return GgufFiles.write(folder.resolve("tiny.gguf"), RandomLlama.tiny().with(DType.Q8_0));
  }

  // Q8_0 takes 34 bytes for 32 elements. Attention of a layer: (128 + 64 + 64) * 64 + 64 * 128
  // = 24,576 elements; feed-forward: 3 * 64 * 96 = 18,432; embedding: 288 * 64 = 18,432; five norms
  // of 64 in F32.
  @Test
  void countsTheBytesOfEachKindOfUnitAsStored() throws IOException {
    Captured run = inspect(tinyInQ8().toString(), "--json");
    assertEquals(0, run.exitCode(), run.err());
    JsonNode facts = new ObjectMapper().readTree(run.out());
    assertEquals("GGUF", facts.get("format").asText());
    assertEquals(104_768, facts.get("parameters").asLong());
    assertEquals(112_256, facts.get("bytes").asLong());
    assertEquals(110_976, facts.get("bytesByType").get("Q8_0").asLong());
    assertEquals(1_280, facts.get("bytesByType").get("F32").asLong());
    assertEquals(19_584 + 1_280, facts.get("fixedBytes").asLong());
    assertEquals(2, facts.get("layerBytes").size());
    JsonNode layer = facts.get("layerBytes").get(1);
    assertEquals(26_112, layer.get("attention").asLong());
    assertEquals(13_056, layer.get("headGroup").asLong());
    assertEquals(19_584, layer.get("feedForward").asLong());
    assertEquals(19_584, layer.get("channelBlock").asLong()); // 96 channels: one block
    assertEquals(2 * 2 * 32, facts.get("kvBytesPerTokenOfHeadGroup").asLong());
    assertEquals(2 * 2 * 128, facts.get("kvBytesPerToken").asLong());
  }

  @Test
  void printsATableForPeople() {
    String table = inspect(tinyInQ8().toString()).out();
    assertTrue(
        table.contains("2 layers, hidden 64, 4 query heads over 2 KV heads of 32, feed-forward 96"),
        table);
    assertTrue(table.contains("  head group                  4  13.1 kB  52.2 kB  46.5 %"), table);
  }

  @Test
  void anOutputOfItsOwnIsCountedTwiceAndAFolderIsAModelToo() throws IOException {
    Path model = HuggingFaceFolders.write(folder.resolve("hf"), RandomLlama.tiny().untied());
    JsonNode facts = new ObjectMapper().readTree(inspect(model.toString(), "--json").out());
    assertEquals("Hugging Face", facts.get("format").asText());
    assertEquals(104_768 + 288 * 64, facts.get("parameters").asLong());
    assertEquals(4L * (2 * 288 * 64 + 5 * 64), facts.get("fixedBytes").asLong());
  }

  // Of a layer: query 128, key, value, output, gate and up 64, 64, 64, 96 and 96, down 64.
  @Test
  void biasesAreParametersThatNoMaskDrops() throws IOException {
    Path model = HuggingFaceFolders.write(folder.resolve("hf"), RandomLlama.tiny().withBiases());
    JsonNode facts = new ObjectMapper().readTree(inspect(model.toString(), "--json").out());
    int biases = 2 * (128 + 64 + 64 + 64 + 96 + 96 + 64);
    assertEquals(104_768 + biases, facts.get("parameters").asLong());
    assertEquals(4L * (104_768 + biases), facts.get("bytes").asLong());
    assertEquals(4L * (288 * 64 + 5 * 64 + biases), facts.get("fixedBytes").asLong());
  }

  @Test
  void aFileThatIsNoModelIsOneSentenceAndAFailure() throws IOException {
    Path cut = folder.resolve("cut.gguf");
    byte[] whole = Files.readAllBytes(tinyInQ8());
    Files.write(cut, Arrays.copyOf(whole, whole.length - 100));
    for (Path model : new Path[] {cut, folder, folder.resolve("absent.gguf")}) {
      Captured run = inspect(model.toString());
      assertEquals(1, run.exitCode(), run.err());
      assertEquals("", run.out());
      assertEquals(1, run.err().lines().count(), run.err());
      assertTrue(run.err().contains(model.toString()), run.err());
    }
  }
}
