package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.cuda.SampleOracle.Draw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Draws on the GPU against {@link SampleOracle}: the same tokens, under all options at once. */
@Tag("gpu")
class GpuKernelDrawTest {
  // Weights below 2^-44 of the best count for nothing to the kernel, and a little to the oracle.
  private static final double NEARLY_NONE = 1e-6;

  // A weight is worked on by blocks of 8192 logits, in pieces of 4 where the vocabulary allows.
  @ParameterizedTest(name = "{0} of {1} draws from a vocabulary of {2}, logits in steps of {3}")
  @CsvSource({
    "216, 216,      1,    0",
    "216, 216,      2,    0",
    "216, 216,     31,    0",
    "216, 216,   1000, 0.25", // ties
    "216, 216,   1023,    0",
    "216, 216,   8192,    0",
    "108, 216,   8193,  0.5",
    "108, 216,  49152,    0",
    " 40, 216, 128256,    0",
    " 20, 216, 262144,    0"
  })
  void areTheOnesOfTheOracle(int rows, int options, int vocabulary, float step) {
    List<Draw> draws = draws(vocabulary);
    assertEquals(options, draws.size());
    // Spread over the options where not all are drawn.
    List<Draw> chosen = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      chosen.add(draws.get((int) ((long) i * options / rows)));
    }
    float[] logits = logits(rows * vocabulary, step);
    try (KernelBed gpu = KernelBed.gpu();
        KernelBed oracle = KernelBed.oracle()) {
      double[] found = run(gpu, logits, vocabulary, chosen);
      double[] expected = run(oracle, logits, vocabulary, chosen);
      for (int i = 0; i < rows; i++) {
        assertEquals(expected[i], found[i], "row " + i + ", " + chosen.get(i));
      }
    }
  }

  private static List<Draw> draws(int vocabulary) {
    Random random = new Random(3);
    List<Draw> draws = new ArrayList<>();
    for (float temperature : new float[] {0, 0.2f, 1, 3}) {
      for (int topK : new int[] {0, 1, 2, 40, vocabulary, vocabulary + 1}) {
        for (float topP : new float[] {1, 0.93f, 0.11f}) {
          for (float minP : new float[] {0, 0.06f, 1}) {
            draws.add(new Draw(temperature, topK, topP, minP, uniform(random)));
          }
        }
      }
    }
    return draws;
  }

  private static double uniform(Random random) {
    return switch (random.nextInt(8)) {
      case 0 -> NEARLY_NONE;
      case 1 -> 1 - NEARLY_NONE;
      default -> random.nextDouble();
    };
  }

  private static float[] logits(int count, float step) {
    Random random = new Random(4);
    float[] logits = new float[count];
    for (int i = 0; i < count; i++) {
      float logit = (float) (4 * random.nextGaussian());
      logits[i] = step == 0 ? logit : step * Math.round(logit / step);
    }
    return logits;
  }

  private static double[] run(KernelBed bed, float[] logits, int vocabulary, List<Draw> draws) {
    int rows = draws.size();
    DeviceMemory y = bed.poisoned((long) rows * Integer.BYTES);
    bed.kernels()
        .sample(
            bed.stream(),
            y.address(),
            bed.floats(logits).address(),
            rows,
            vocabulary,
            bed.bytes(bytes(draws)).address());
    return bed.ints(y);
  }

  private static byte[] bytes(List<Draw> draws) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(draws.size() * SampleOracle.DRAW_BYTES, 8);
      for (int i = 0; i < draws.size(); i++) {
        draws.get(i).write(segment, i);
      }
      return segment.toArray(ValueLayout.JAVA_BYTE);
    }
  }
}
