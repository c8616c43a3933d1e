package dev.rap.checkpoint;

import static dev.rap.checkpoint.Sentences.assertSentence;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.kernels.RopePairing;
import dev.rap.model.ModelConfig;
import dev.rap.model.RopeScaling;
import dev.rap.model.WeightsLoader;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files that were sound until bytes of them were flipped, cut, moved or replaced. Whatever is read
 * of them is read, or refused in one sentence; nothing else may come out.
 */
@Timeout(120)
class CheckpointFuzzTest {
  private static final int CASES = 1000;
  private static final long[] BOUNDARIES = {
    0,
    1,
    -1,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    1L << 62,
    1L << 61,
    1L << 32,
    (1L << 32) - 1,
    1L << 31,
    (1L << 31) - 1,
    1 << 20,
    4096,
    64,
    32,
    31
  };

  /** One layer, so that the header is a good part of the file. */
  private static final RandomLlama MODEL =
      RandomLlama.tiny()
          .with(
              new ModelConfig(
                  "fuzz",
                  1,
                  32,
                  2,
                  1,
                  16,
                  32,
                  40,
                  64,
                  1e-5f,
                  1e4,
                  new RopeScaling.Llama3(8, 1, 4, 16),
                  RopePairing.HALVES))
          .withBiases()
          .untied();

  @TempDir Path folder;
  private int refused;

  @Test
  void mutatedGgufIsReadOrRefused() {
    Path file = folder.resolve("model.gguf");
    byte[] sound =
        GgufFiles.writer(MODEL.with(DType.F16))
            .strings("tokenizer.ggml.tokens", ByteVocabulary.tokens(40).subList(0, 40))
            .floats("tokenizer.ggml.scores", new float[40])
            .integers("tokenizer.ggml.token_type", new int[40])
            .flag("tokenizer.ggml.add_bos_token", true)
            .bytes();
    fuzz(file, file, sound, 4000);
  }

  @Test
  void mutatedQuantisedGgufIsReadOrRefused() {
    Path file = folder.resolve("model.gguf");
    fuzz(file, file, GgufFiles.writer(MODEL.with(DType.Q4_1)).bytes(), 4000);
  }

  @Test
  void mutatedSafetensorsIsReadOrRefused() throws IOException {
    HuggingFaceFolders.write(folder, MODEL.with(DType.BF16));
    Path file = folder.resolve("model.safetensors");
    fuzz(file, folder, Files.readAllBytes(file), 2000);
  }

  @Test
  void mutatedConfigurationIsReadOrRefused() throws IOException {
    HuggingFaceFolders.write(folder, MODEL);
    Path file = folder.resolve("config.json");
    byte[] sound = Files.readAllBytes(file);
    fuzz(file, folder, sound, sound.length);
  }

  @Test
  void mutatedIndexIsReadOrRefused() throws IOException {
    HuggingFaceFolders.write(folder, MODEL, 2);
    Path file = folder.resolve("model.safetensors.index.json");
    byte[] sound = Files.readAllBytes(file);
    fuzz(file, folder, sound, sound.length);
  }

  /**
   * Mutates {@code file} and opens {@code model}.
   *
   * @param headBytes where most mutations go
   */
  private void fuzz(Path file, Path model, byte[] sound, int headBytes) {
    Random random = new Random(20_260_101);
    for (int i = 0; i < CASES; i++) {
      byte[] mutated = mutate(sound.clone(), Math.min(headBytes, sound.length), random);
      int number = i;
      HuggingFaceFolders.writeBytes(file, mutated);
      attempt(model, random, () -> "case " + number);
    }
    assertTrue(refused > CASES / 4, "only " + refused + " were refused: nothing is tested");
    assertTrue(refused < CASES, "all were refused: only the start is tested");
  }

  private void attempt(Path model, Random random, Supplier<String> which) {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      orRefused(checkpoint, WeightsLoader::load);
      orRefused(checkpoint, Checkpoint::fingerprint);
      for (String name : checkpoint.names()) {
        orRefused(checkpoint, opened -> touch(opened.tensor(name)));
        orRefused(checkpoint, opened -> touch(opened.findF32(name).orElseThrow()));
      }
      if (checkpoint instanceof GgufCheckpoint gguf) {
        gguf.keys().forEach(key -> readKey(gguf, key, random.nextInt(8)));
      }
    } catch (InputException e) {
      refused++;
      assertSentence(model, e.getMessage());
    } catch (RuntimeException e) {
      throw new AssertionError(which.get(), e);
    }
  }

  /** Asks for one type, mostly a wrong one: a refusal costs more than all that is read. */
  private static void readKey(GgufCheckpoint gguf, String key, int type) {
    orRefused(
        gguf,
        _ -> {
          switch (type) {
            case 0 -> gguf.string(key);
            case 1 -> gguf.integer(key);
            case 2 -> gguf.number(key);
            case 3 -> gguf.flag(key);
            case 4 -> gguf.strings(key).ifPresent(texts -> texts.forEach(text -> {}));
            case 5 -> gguf.integers(key);
            case 6 -> gguf.numbers(key);
            default -> gguf.length(key);
          }
        });
  }

  private static void orRefused(Checkpoint checkpoint, Consumer<Checkpoint> action) {
    try {
      action.accept(checkpoint);
    } catch (InputException e) {
      assertSentence(checkpoint.path(), e.getMessage());
    }
  }

  private static void touch(Tensor tensor) {
    CRC32 reader = new CRC32();
    reader.update(tensor.data().asByteBuffer());
  }

  private static byte[] mutate(byte[] bytes, int headBytes, Random random) {
    int times = 1 + random.nextInt(3);
    for (int i = 0; i < times && bytes.length > 16; i++) {
      bytes = mutateOnce(bytes, Math.min(headBytes, bytes.length), random);
    }
    return bytes;
  }

  private static byte[] mutateOnce(byte[] bytes, int headBytes, Random random) {
    int at = random.nextInt(random.nextInt(4) == 0 ? bytes.length : headBytes);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long boundary = BOUNDARIES[random.nextInt(BOUNDARIES.length)];
    int count = 1 + random.nextInt(12);
    switch (random.nextInt(9)) {
      case 0, 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 2 -> bytes[at] = (byte) random.nextInt(256);
      case 3 -> bytes[at] = (byte) "0123456789-.eE\"[]{},: nu".charAt(random.nextInt(24));
      case 4 -> buffer.putLong(Math.min(at, bytes.length - 8), boundary);
      case 5 -> buffer.putInt(Math.min(at, bytes.length - 4), (int) boundary);
      case 6 -> {
        return Arrays.copyOf(bytes, random.nextInt(bytes.length));
      }
      case 7 -> {
        return without(bytes, at, Math.min(count, bytes.length - at));
      }
      default -> {
        int from = random.nextInt(bytes.length - count);
        System.arraycopy(bytes, from, bytes, Math.min(at, bytes.length - count), count);
      }
    }
    return bytes;
  }

  private static byte[] without(byte[] bytes, int at, int count) {
    byte[] shorter = Arrays.copyOf(bytes, bytes.length - count);
    System.arraycopy(bytes, at + count, shorter, at, bytes.length - count - at);
    return shorter;
  }
}
