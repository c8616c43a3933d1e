package dev.rap.checkpoint;

import static dev.rap.checkpoint.HuggingFaceFolders.safetensors;
import static dev.rap.checkpoint.HuggingFaceFolders.writeBytes;
import static dev.rap.checkpoint.HuggingFaceFolders.writeText;
import static dev.rap.checkpoint.Sentences.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceCheckpointTest {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String FLOAT = "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]";

  @TempDir Path folder;

  private void assertHeaderRefused(String header, int dataBytes, String... parts) {
    writeText(folder.resolve("config.json"), "{}");
    Path file = folder.resolve(SINGLE);
    writeBytes(file, safetensors(header, new byte[dataBytes]));
    assertRefused(file, () -> Checkpoint.open(folder), parts);
  }

  private static byte[] bytes(Checkpoint checkpoint, String name) {
    return checkpoint.tensor(name).data().toArray(ValueLayout.JAVA_BYTE);
  }

  // Header size 59 (0x3b), not padded, so that the float lies at byte 67, which nothing divides.
  @Test
  void readsAFileWrittenByHand() throws IOException {
    String header = "{\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}   ";
    assertEquals(59, header.length());
    byte[] json = header.getBytes(StandardCharsets.US_ASCII);
    String file = "3b00000000000000" + HexFormat.of().formatHex(json) + "0000803f000000c0";
    writeBytes(folder.resolve(SINGLE), HexFormat.of().parseHex(file));
    writeText(folder.resolve("config.json"), "{\"a\":1}");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      Tensor tensor = checkpoint.tensor("t");
      assertEquals(1, tensor.rows());
      assertArrayEquals(new float[] {1, -2}, tensor.data().toArray(ValueLayout.JAVA_FLOAT));
      assertEquals(Set.of("t"), checkpoint.names());
      HuggingFaceCheckpoint opened = (HuggingFaceCheckpoint) checkpoint;
      assertEquals(1, opened.config().path("a").intValue());
      assertEquals(Optional.empty(), opened.json("tokenizer.json"));
      assertEquals(Optional.empty(), opened.json("tokenizer_config.json"));
      assertEquals(Optional.empty(), opened.json("generation_config.json"));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void allShardsAreOneModel(int shards) {
    RandomLlama model = RandomLlama.tiny().with(DType.BF16).untied();
    HuggingFaceFolders.write(folder, model, shards);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertEquals(model.tensors().size(), checkpoint.names().size());
      for (RandomLlama.Stored tensor : model.tensors()) {
        byte[] expected = TensorBytes.encode(tensor.dtype(), tensor.values());
        assertArrayEquals(expected, bytes(checkpoint, tensor.name()), tensor.name());
      }
    }
  }

  @Test
  void theFingerprintFollowsTheModelAndNotItsShards() {
    String original = fingerprint(RandomLlama.tiny(), 1);
    assertEquals(original, fingerprint(RandomLlama.tiny(), 1));
    assertNotEquals(original, fingerprint(RandomLlama.tiny().withSeed(2), 1));
    assertNotEquals(original, fingerprint(RandomLlama.tiny().with(DType.F16), 1));
    assertEquals(original, fingerprint(RandomLlama.tiny(), 2));
  }

  private String fingerprint(RandomLlama model, int shards) {
    Path own = folder.resolve("shards" + shards);
    HuggingFaceFolders.write(own, model, shards);
    try (Checkpoint checkpoint = Checkpoint.open(own)) {
      return checkpoint.fingerprint();
    }
  }

  @Test
  void theTokenizerFilesAreRead() {
    HuggingFaceFolders.write(folder, RandomLlama.tiny());
    HuggingFaceFolders.writeByteTokenizer(folder, 288);
    try (HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.open(folder)) {
      var vocabulary = checkpoint.json("tokenizer.json").orElseThrow().path("model").path("vocab");
      assertEquals(288, vocabulary.size());
      assertEquals(0x20, vocabulary.path("\u0120").intValue()); // GPT-2's spelling of a space
      assertEquals(
          256,
          checkpoint.json("generation_config.json").orElseThrow().path("eos_token_id").asInt());
      assertEquals(1, checkpoint.json("tokenizer_config.json").orElseThrow().size());
    }
  }

  @Test
  void aFolderWithoutAModelIsRefusedWithAHint() throws IOException {
    assertRefused(folder, () -> Checkpoint.open(folder), "has no config.json", ".gguf file");
    writeText(folder.resolve("config.json"), "{}");
    assertRefused(folder, () -> Checkpoint.open(folder), SINGLE, INDEX, "fetch the folder again");
    writeText(folder.resolve("pytorch_model.bin"), "x");
    assertRefused(folder, () -> Checkpoint.open(folder), "PyTorch's .bin files are not read");
    writeText(folder.resolve("small.gguf"), "x");
    assertRefused(folder, () -> Checkpoint.open(folder), "name its file small.gguf");
    Files.createDirectory(folder.resolve(SINGLE));
    assertRefused(folder.resolve(SINGLE), () -> Checkpoint.open(folder), "is a directory");
  }

  @Test
  void jsonThatIsNoneIsRefusedWithItsPlace() throws IOException {
    Path config = folder.resolve("config.json");
    for (String text : new String[] {"", "{", "{\"a\":1", "nul", "{\"a\":1}}", "{\"a\":NaN}"}) {
      writeText(config, text);
      assertRefused(config, () -> Checkpoint.open(folder), "JSON");
    }
    writeText(config, "{\"a\":1,\n\"a\":2}");
    assertRefused(config, () -> Checkpoint.open(folder), "line 2");
    writeText(config, "[".repeat(100_000));
    assertRefused(config, () -> Checkpoint.open(folder), "deeper than 64");
    writeText(config, "[]");
    assertRefused(config, () -> Checkpoint.open(folder), "ARRAY", "expected an object");
    writeText(config, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    assertRefused(config, () -> Checkpoint.open(folder), "git lfs pull");
    Files.delete(config);
    Files.createDirectory(config);
    assertRefused(config, () -> Checkpoint.open(folder), "is a directory");
  }

  @Test
  void floodsOfJsonAreRefused() {
    Path config = folder.resolve("config.json");
    writeText(config, "{\"a\":[" + "0,".repeat(6_000_000) + "0]}");
    assertRefused(config, () -> Checkpoint.open(folder), "more than 5000000 values");
    writeBytes(config, new byte[(1 << 26) + 1]);
    assertRefused(config, () -> Checkpoint.open(folder), "67108865 bytes", "at most 67108864");
  }

  @Test
  void safetensorsCutShortAnywhereIsRefused() {
    writeText(folder.resolve("config.json"), "{}");
    byte[] sound = safetensors("{\"a\":{" + FLOAT + "}}", new byte[4]);
    Path file = folder.resolve(SINGLE);
    for (int length = 0; length < sound.length; length++) {
      writeBytes(file, Arrays.copyOf(sound, length));
      assertRefused(file, () -> Checkpoint.open(folder));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 0, 1, 1L << 32, 100_000_001})
  void headerSizesThatCannotBeAreRefused(long size) {
    writeText(folder.resolve("config.json"), "{}");
    Path file = folder.resolve(SINGLE);
    writeBytes(file, new GgufFiles.Output().i64(size).bytes(new byte[64]).all());
    String stated = "a header size of " + Long.toUnsignedString(size);
    assertRefused(file, () -> Checkpoint.open(folder), stated);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[0,4]   | [-1,3]     | negative",
        "[0,4]   | [4,0]      | lies at bytes 4 to 0",
        "[1]     | [0,8]      | lies at bytes 0 to 8",
        "[1]     | [4,8]      | lies at bytes 4 to 8",
        "[1]     | [0,9223372036854775807]  | lies at bytes",
        "[1]     | [0,9223372036854775808]  | JSON",
        "[1]     | [0]        | data_offsets",
        "[1]     | [0,4,4]    | data_offsets",
        "[1]     | [0,4.0]    | no integer",
        "[1]     | 4          | array of numbers",
        "[1]     | [[0,4]]    | no integer",
        "[2]     | [0,4]      | expected 8",
        "[0]     | [0,4]      | expected 0",
        "[-1]    | [0,4]      | negative",
        "[4294967296,4294967296] | [0,4] | overflows",
        "[1,1,1,1,1,1,1,1,1] | [0,4] | too many dimensions",
        "null    | [0,4]      | array of numbers",
      })
  void entriesThatLieAreRefused(String shape, String offsets, String part) {
    String header =
        "{\"t\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":%s}}".formatted(shape, offsets);
    assertHeaderRefused(header, 4, part);
  }

  @Test
  void headersOfAnotherFormAreRefused() {
    assertHeaderRefused("[]", 0, "no JSON object");
    assertHeaderRefused("{\"t\":7}", 0, "no JSON object");
    assertHeaderRefused("{\"t\":{}}", 0, "lacks a dtype or a shape");
    assertHeaderRefused("{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets");
    assertHeaderRefused("{\"t\":{" + FLOAT + "},\"t\":{" + FLOAT + "}}", 4, "JSON");
    assertHeaderRefused("{\"t\":{" + FLOAT + "}} {}", 4, "followed by more text");
    assertHeaderRefused("{\"t\\u001b\":{" + FLOAT + "}}", 4, "control characters");
    assertHeaderRefused("{\"\":{" + FLOAT + "}}", 4, "is empty");
  }

  @Test
  void overlapsAndHolesAreRefused() {
    assertHeaderRefused("{\"a\":{" + FLOAT + "},\"b\":{" + FLOAT + "}}", 4, "starts at byte 0");
    assertHeaderRefused("{\"a\":{" + FLOAT + "}}", 8, "have 8 bytes, expected 4");
    assertHeaderRefused("{\"a\":{" + FLOAT.replace("[0,4]", "[4,8]") + "}}", 8, "expected 0");
  }

  @Test
  void tensorsThatCannotBeReadAreRefusedByNameAndTheOthersAreNot() {
    writeText(folder.resolve("config.json"), "{}");
    String header =
        "{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
            + "\"b\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[8,12]},"
            + "\"c\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[12,12]},"
            + "\"d\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]}}";
    Path file = folder.resolve(SINGLE);
    writeBytes(file, safetensors(header, new byte[16]));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertRefused(file, () -> checkpoint.find("a"), "tensor a", "I64", "are [F32, F16, BF16]:");
      assertRefused(file, () -> checkpoint.find("b"), "F8_E4M3");
      assertRefused(file, () -> checkpoint.find("c"), "shape [0, 4]");
      assertEquals(1, checkpoint.tensor("d").columns());
      assertRefused(folder, () -> checkpoint.tensor("e"), "no tensor e");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{}                                            | no object weight_map",
        "{\"weight_map\":[]}                           | no object weight_map",
        "{\"weight_map\":{\"t\":7}}                    | beside it",
        "{\"weight_map\":{\"t\":\"../x.safetensors\"}} | beside it",
        "{\"weight_map\":{\"t\":\"/x.safetensors\"}}   | beside it",
        "{\"weight_map\":{\"t\":\"config.json\"}}      | beside it",
        "{\"weight_map\":{\"u\":\"x.safetensors\"}}    | puts tensor u in x.safetensors",
        "{\"weight_map\":{\"\\u0007\":\"x.safetensors\"}}  | controls",
      })
  void anIndexThatLiesIsRefused(String index, String part) {
    writeText(folder.resolve("config.json"), "{}");
    writeBytes(
        folder.resolve("x.safetensors"), safetensors("{\"t\":{" + FLOAT + "}}", new byte[4]));
    Path file = folder.resolve(INDEX);
    writeText(file, index);
    assertRefused(file, () -> Checkpoint.open(folder), part);
  }

  @Test
  void aMissingShardIsRefused() throws IOException {
    HuggingFaceFolders.write(folder, RandomLlama.tiny(), 2);
    Path shard = folder.resolve("model-00002-of-00002.safetensors");
    Files.delete(shard);
    assertRefused(shard, () -> Checkpoint.open(folder), "no such file");
  }
}
