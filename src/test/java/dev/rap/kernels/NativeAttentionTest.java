package dev.rap.kernels;

import static dev.rap.kernels.NativeMatmulTest.at;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention of every instruction set against the oracle, on a cache whose free slots hold NaN. */
class NativeAttentionTest {
  private static final int KV_HEADS = 3;

  private final Kernels oracle = CpuKernels.reference();

  /** New tokens of a sequence, after {@code before} that are in the cache already. */
  private record Part(int before, int tokens) {}

  private static List<Isa> isas() {
    return NativeIsas.all();
  }

  @ParameterizedTest
  @MethodSource("isas")
  void decodeAgreesWithTheOracle(Isa isa) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      // Around tiles of 96 positions and splits of 256.
      for (int before : new int[] {0, 1, 6, 95, 96, 300, 1000}) {
        compare(kernels, 64, 3, 16, List.of(new Part(before, 1)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void prefillAgreesWithTheOracle(Isa isa) {
    try (Kernels kernels = new NativeKernels(2, isa)) {
      // Around the 8 tokens that are done one by one, and tiles of 8, 16 and 32 queries.
      for (int tokens : new int[] {2, 8, 9, 17, 33, 130}) {
        compare(kernels, 64, 3, 16, List.of(new Part(0, tokens)));
        compare(kernels, 64, 3, 16, List.of(new Part(150, tokens)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void sequencesOfAllKindsShareAStep(Isa isa) {
    List<Part> parts =
        List.of(new Part(40, 1), new Part(0, 70), new Part(7, 1), new Part(33, 20), new Part(0, 3));
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int blockSize : new int[] {1, 5, 32, 256}) {
        compare(kernels, 64, 3, blockSize, parts);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void headsOfAnySizeAndNumberAgreeWithTheOracle(Isa isa) {
    List<Part> parts = List.of(new Part(100, 1), new Part(2, 30));
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int headSize : new int[] {2, 6, 16, 34, 80, 128, 256}) {
        compare(kernels, headSize, 4, 16, parts);
      }
      for (int queryHeads : new int[] {1, 2, 5, 8}) {
        compare(kernels, 64, queryHeads, 16, parts);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void windowsAndSoftCapsAgreeWithTheOracle(Isa isa) {
    // Windows below a tile of queries, around a tile of positions, beyond a split, and larger than
    // the sequence; a cap that scores reach, and one that hardly bends them.
    List<Part> parts =
        List.of(new Part(700, 1), new Part(0, 150), new Part(290, 40), new Part(95, 5));
    try (Kernels kernels = new NativeKernels(2, isa)) {
      for (int window : new int[] {1, 5, 33, 96, 97, 300, 2000}) {
        compare(kernels, 64, 3, 16, new AttentionRule(0.125f, 0, window), parts);
        compare(kernels, 34, 2, 5, new AttentionRule(0.3f, 1.5f, window), parts);
      }
      compare(kernels, 64, 4, 16, new AttentionRule(0.2f, 1, AttentionRule.UNBOUNDED), parts);
      compare(kernels, 64, 4, 16, new AttentionRule(0.2f, 50, AttentionRule.UNBOUNDED), parts);
    }
  }

  private void compare(
      Kernels kernels, int headSize, int queryHeads, int blockSize, List<Part> parts) {
    compare(kernels, headSize, queryHeads, blockSize, AttentionRule.plain(headSize), parts);
  }

  private void compare(
      Kernels kernels,
      int headSize,
      int queryHeads,
      int blockSize,
      AttentionRule rule,
      List<Part> parts) {
    for (Ranges groups : List.of(Ranges.all(KV_HEADS), Ranges.of(0, 1, 2, 3), Ranges.of())) {
      try (Arena arena = Arena.ofConfined()) {
        new Case(arena, headSize, queryHeads, blockSize, rule, parts, groups).compare(kernels);
      }
    }
  }

  private final class Case {
    private final RandomData data;
    private final Random random = new Random(5);
    private final int headSize;
    private final int queryHeads;
    private final AttentionRule rule;
    private final List<Part> parts;
    private final Ranges groups;
    private final KvLayer cache;
    private final TokenBatch batch;

    Case(
        Arena arena,
        int headSize,
        int queryHeads,
        int blockSize,
        AttentionRule rule,
        List<Part> parts,
        Ranges groups) {
      this.data = new RandomData(arena, headSize + blockSize);
      this.headSize = headSize;
      this.queryHeads = queryHeads;
      this.rule = rule;
      this.parts = parts;
      this.groups = groups;
      int longest = parts.stream().mapToInt(p -> p.before() + p.tokens()).max().orElseThrow();
      int perSequence = Math.ceilDiv(longest, blockSize);
      int slots = perSequence * parts.size() * blockSize;
      this.cache = new KvLayer(poisoned(slots), poisoned(slots), (long) slots * headSize, headSize);
      this.batch = batch(perSequence, blockSize);
      fill();
    }

    private MemorySegment poisoned(int slots) {
      MemorySegment segment = data.bytes(2L * KV_HEADS * slots * headSize);
      for (long i = 0; i < segment.byteSize(); i += 2) {
        segment.set(JAVA_SHORT_UNALIGNED, i, (short) 0x7e00);
      }
      return segment;
    }

    private TokenBatch batch(int perSequence, int blockSize) {
      List<Integer> blocks = new ArrayList<>();
      for (int i = 0; i < perSequence * parts.size(); i++) {
        blocks.add(i);
      }
      Collections.shuffle(blocks, random);
      List<Integer> positions = new ArrayList<>();
      List<Integer> sequences = new ArrayList<>();
      List<Integer> slots = new ArrayList<>();
      for (int s = 0; s < parts.size(); s++) {
        for (int i = 0; i < parts.get(s).tokens(); i++) {
          int position = parts.get(s).before() + i;
          positions.add(position);
          sequences.add(s);
          int block = blocks.get(s * perSequence + position / blockSize);
          slots.add(block * blockSize + position % blockSize);
        }
      }
      return new TokenBatch(
          positions.size(),
          parts.size(),
          ints(positions),
          ints(sequences),
          ints(slots),
          ints(blocks),
          perSequence,
          blockSize);
    }

    private MemorySegment ints(List<Integer> values) {
      return data.ints(values.stream().mapToInt(Integer::intValue).toArray());
    }

    // What no token sees stays NaN.
    private void fill() {
      for (int s = 0; s < parts.size(); s++) {
        for (int p = rule.first(parts.get(s).before());
            p < parts.get(s).before() + parts.get(s).tokens();
            p++) {
          long row = (long) s * batch.blockTableStride() + p / batch.blockSize();
          int block =
              batch.blockTables().get(java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED, 4 * row);
          long slot = (long) block * batch.blockSize() + p % batch.blockSize();
          for (int g = 0; g < KV_HEADS; g++) {
            for (int d = 0; d < headSize; d++) {
              long at = 2 * (g * cache.groupStride() + slot * headSize + d);
              cache.keys().set(JAVA_SHORT_UNALIGNED, at, half());
              cache.values().set(JAVA_SHORT_UNALIGNED, at, half());
            }
          }
        }
      }
    }

    // Below 4 in magnitude.
    private short half() {
      return Float.floatToFloat16((float) Math.clamp(random.nextGaussian(), -4, 4));
    }

    void compare(Kernels kernels) {
      int stride = KV_HEADS * queryHeads * headSize + 1;
      long elements = (long) batch.tokens() * stride;
      MemorySegment q = data.normal(elements, 1);
      MemorySegment present = data.bytes((long) parts.size() * KV_HEADS);
      for (long i = 0; i < present.byteSize(); i++) {
        present.set(JAVA_BYTE, i, (byte) (i % 5 == 2 ? 0 : 1));
      }
      MemorySegment expected = data.floats(elements, -77);
      MemorySegment actual = data.floats(elements, -77);
      oracle.attention(expected, q, stride, queryHeads, rule, cache, batch, present, groups);
      kernels.attention(actual, q, stride, queryHeads, rule, cache, batch, present, groups);

      // Scores: products of two vectors of headSize, whose norms are below 1.5 sqrt(headSize) or,
      // for the smallest, 4 sqrt(headSize).
      double norm = (headSize < 32 ? 4 : 1.5) * Math.sqrt(headSize);
      double score =
          Tolerance.product(headSize, norm, norm) * rule.scale()
              + rule.softCap() * Tolerance.SOFT_CAP;
      int positions = 1200;
      double bound = 4 * Tolerance.attention(score, positions);
      for (long i = 0; i < elements; i++) {
        long at = i;
        Tolerance.check(
            () ->
                "headSize %d, %d query heads, %s, %s, groups %s: token %d, column %d"
                    .formatted(headSize, queryHeads, rule, parts, groups, at / stride, at % stride),
            at(expected, i),
            at(actual, i),
            bound);
      }
    }
  }
}
