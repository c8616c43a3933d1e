package dev.rap.kernels;

import java.util.Arrays;

/** Instruction sets of the native kernels, each a superset of the one before. */
public enum Isa {
  /** Any x86-64 processor: SSE2. */
  BASELINE(0),
  /** AVX2, FMA and F16C: activations that meet quantised weights become 8-bit. */
  AVX2(1),
  /** AVX-512 F, BW, DQ, VL and VNNI. */
  AVX512(2),
  /** The same with AVX512_BF16: many activations that meet BF16 weights become BF16. */
  AVX512_BF16(3);

  private final int number; // enum rap_isa in native/rap_cpu.h

  Isa(int number) {
    this.number = number;
  }

  int number() {
    return number;
  }

  static Isa of(int number) {
    return Arrays.stream(values()).filter(isa -> isa.number == number).findFirst().orElseThrow();
  }
}
