package dev.rap.engine;

import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.model.Weights;
import dev.rap.tensor.DType;
import java.nio.file.Path;
import java.util.function.Function;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sequences on the CPU under wandering masks, with memory that leaves and comes back. */
class CpuScheduleTest {
  // Native products with F16 weights sum in F32 and in another order, which moves keys and values
  // across a rounding to F16 here and there: each by at most 2^-11 of itself.
  private static final double OTHER_ORDER = 0x1p-11;

  @ParameterizedTest(name = "{0} in {1}, blocks of {2} channels")
  @CsvSource({"reference, F16, 32", "reference, Q8_0, 64", "native, F32, 64", "native, Q8_0, 32"})
  void memoryThatFollowsTheMaskChangesNoLogit(
      String kernels, DType dtype, int channelBlockSize, @TempDir Path folder) {
    Function<Weights, Backend> load = weights -> new CpuBackend(weights, open(kernels), 2);
    MaskSchedule.check(folder, dtype, load, load, 0, channelBlockSize);
  }

  private static Kernels open(String kernels) {
    return kernels.equals("native") ? CpuKernels.open(2) : CpuKernels.reference();
  }

  @ParameterizedTest(name = "blocks of {0} channels")
  @CsvSource({"32", "64"}) // of 64 the last is short
  void nativeKernelsAgreeWithTheReference(int channelBlockSize, @TempDir Path folder) {
    MaskSchedule.check(
        folder,
        weights -> new CpuBackend(weights, CpuKernels.open(2), 2),
        OTHER_ORDER,
        channelBlockSize);
  }
}
