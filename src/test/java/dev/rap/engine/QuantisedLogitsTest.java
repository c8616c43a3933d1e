package dev.rap.engine;

import dev.rap.engine.QuantisedLogits.Oracle;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole models of every storage type on the CPU. */
class QuantisedLogitsTest {
  private static final double ANY = Double.POSITIVE_INFINITY;

  // Keys and values are kept in F16, as in GoldenLogitsTest.
  private static final GoldenLogits.Tolerance EXACT = new GoldenLogits.Tolerance(0.015, ANY);

  // Activations that meet blocks become 8-bit, with one scale for 32 of them: half a step is 1 /
  // 254
  // of the largest, which is about twice the deviation, so the errors of a product are about 2 /
  // 127
  // / sqrt(12) = 0.0045 of its result. Those of 15 products on the way to the logits add up like a
  // random walk to 0.0176; softmax and gate may make them somewhat larger.
  private static final GoldenLogits.Tolerance ROUNDED = new GoldenLogits.Tolerance(ANY, 0.03);

  // llama.cpp has one scale for 256 activations that meet blocks of 256, of which the largest is
  // about three times the deviation: 3 / 127 / sqrt(12) * sqrt(15) = 0.026, besides ours.
  private static final GoldenLogits.Tolerance BOTH_ROUND = new GoldenLogits.Tolerance(ANY, 0.05);

  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource
  void referenceKernelsAgreeWithTransformers(DType type) throws IOException {
    check(type, Oracle.EXACT, CpuKernels.reference(), 24, EXACT);
  }

  @ParameterizedTest
  @EnumSource
  void nativeKernelsAgreeWithTransformers(DType type) throws IOException {
    check(type, Oracle.EXACT, CpuKernels.open(2), 24, ROUNDED);
    check(type, Oracle.EXACT, CpuKernels.open(2), 1, ROUNDED);
  }

  @ParameterizedTest
  @EnumSource
  void nativeKernelsAgreeWithLlamaCpp(DType type) throws IOException {
    check(type, Oracle.LLAMA_CPP, CpuKernels.open(2), 3, BOTH_ROUND);
  }

  private void check(
      DType type, Oracle oracle, Kernels kernels, int stepTokens, GoldenLogits.Tolerance tolerance)
      throws IOException {
    QuantisedLogits.check(
        folder,
        type,
        oracle,
        weights -> new CpuBackend(weights, kernels, 2),
        stepTokens,
        tolerance);
  }
}
