package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.model.ModelConfig;
import dev.rap.model.WeightsLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Which kernels are timed and what they move, on a driver over host memory. The model: hidden size
 * 64, 4 query and 2 KV heads of 32, 96 channels, vocabulary 288, context 64, 2 bytes an element.
 */
class KernelTimesTest {
  @TempDir private Path folder;

  private List<KernelTime> measure(boolean hasBlas) {
    FakeDriver driver = new FakeDriver(200 << 20, 0);
    Path file = GgufFiles.write(folder.resolve("tiny.gguf"), model());
    List<KernelTime> times;
    try (Checkpoint checkpoint = Checkpoint.open(file);
        CudaBackend backend =
            FakeGpu.load(driver, hasBlas, WeightsLoader.load(checkpoint), Optional.empty())) {
      times = backend.kernelTimes();
    }
    assertEquals(List.of(), driver.leaks());
    return times;
  }

  private static RandomLlama model() {
    ModelConfig tiny = RandomLlama.tiny().config();
    return RandomLlama.tiny()
        .with(
            new ModelConfig(
                "short",
                tiny.layers(),
                tiny.hiddenSize(),
                tiny.queryHeads(),
                tiny.kvHeads(),
                tiny.headSize(),
                tiny.feedForwardSize(),
                tiny.vocabularySize(),
                64,
                tiny.rmsEps(),
                tiny.ropeTheta(),
                tiny.ropeScaling(),
                tiny.ropePairing()));
  }

  private static List<String> names(List<KernelTime> times, int sequences, int tokens) {
    return times.stream()
        .filter(time -> time.sequences() == sequences && time.tokens() == tokens)
        .map(time -> time.part() + " " + time.kernel())
        .toList();
  }

  private static final List<String> OWN =
      List.of(
          "embedding embed",
          "attention rmsNorm",
          "attention rows",
          "attention ropeStore",
          "attention attentionOne",
          "attention accumulate",
          "feed-forward rmsNorm",
          "feed-forward gatedRows",
          "feed-forward accumulate",
          "output rmsNorm",
          "output rows",
          "output argmax");

  @Test
  void everyKernelOfAStepIsTimedWithWhatItMoves() {
    List<KernelTime> times = measure(false);
    for (int sequences : new int[] {1, 8, 32}) {
      assertEquals(OWN, names(times, sequences, 1));
    }
    assertEquals(List.of("attention attentionMany"), names(times, 1, 64));
    assertEquals(3 * OWN.size() + 1, times.size());
    for (KernelTime time : times) {
      assertTrue(time.micros() > 0 && time.shareOfRead() > 0, time.toString());
      assertEquals(time.bytes() / time.micros() * 1e6, time.bytesPerSecond(), 1, time.toString());
    }
    // Of 8 sequences: qkv [256, 64]; KV of 64 positions, 2 heads of 32; output [128, 64], F32
    // sums;
    // two of [96, 64]; logits F32.
    List<KernelTime> eight = times.subList(OWN.size(), 2 * OWN.size());
    assertEquals(2 * (256 * 64 + 8 * (64 + 256)), eight.get(2).bytes());
    assertEquals(8 * (64 * 2 * 2 * 32 * 2 + 2 * 128 * 2), eight.get(4).bytes());
    assertEquals(2 * (128 * 64 + 8 * 128) + 8 * 64 * 8, eight.get(5).bytes());
    assertEquals(2 * (2 * 96 * 64 + 8 * (64 + 96)), eight.get(7).bytes());
    assertEquals(2 * (288 * 64 + 8 * 64) + 4 * 8 * 288, eight.get(10).bytes());
    KernelTime prefill = times.getLast();
    // Two products of 2 operations for 128 columns and 64 * 65 / 2 pairs of positions.
    double operations = prefill.flopsPerSecond() * prefill.micros() / 1e6;
    assertEquals(2 * 2 * 128 * 64 * 65 / 2, operations, 1);
  }

  @Test
  void whereCublasServesItIsTimed() {
    List<KernelTime> times = measure(true);
    assertEquals(OWN, names(times, 8, 1));
    assertEquals(
        List.of(
            "embedding embed",
            "attention rmsNorm",
            "attention cuBLAS 1",
            "attention ropeStore",
            "attention attentionOne",
            "attention cuBLAS 2",
            "feed-forward rmsNorm",
            "feed-forward cuBLAS 1",
            "feed-forward cuBLAS 2",
            "feed-forward swiglu",
            "feed-forward cuBLAS 3",
            "output rmsNorm",
            "output cuBLAS 1",
            "output argmax"),
        names(times, 32, 1));
  }
}
