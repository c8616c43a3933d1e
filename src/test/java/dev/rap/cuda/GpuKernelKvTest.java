package dev.rap.cuda;

import static dev.rap.cuda.GpuKernelTest.compare;
import static dev.rap.cuda.GpuKernelTest.rounded;
import static dev.rap.cuda.GpuKernelTest.units;

import dev.rap.cuda.CudaKernels.Heads;
import dev.rap.cuda.CudaKernels.Kv;
import dev.rap.cuda.CudaKernels.Tables;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The kernels that read and write KvBlocks, on the GPU against their oracles. There are as many
 * blocks as the tables have, of the retained head groups alone.
 */
@Tag("gpu")
class GpuKernelKvTest {
  private static final int SLOTS = 40 * 16;

  private static int[] groups(String retained, int groups) {
    return switch (retained) {
      case "all" -> IntStream.range(0, groups).toArray();
      case "none" -> new int[0];
      default -> Arrays.stream(retained.split(" ")).mapToInt(Integer::parseInt).toArray();
    };
  }

  /** {@return the table of {@code 1 3} or {@code none}; of {@code all} there is no table} */
  private static long table(KernelBed bed, String retained) {
    return retained.equals("all") ? 0 : units(bed, 16, groups(retained, 0)).table();
  }

  private static long elements(Heads heads, String retained) {
    long groups = groups(retained, heads.groups()).length;
    return Math.max(1, 2 * groups * SLOTS * heads.headSize());
  }

  private static Kv cache(
      KernelBed bed, Element type, Heads heads, String retained, int blockSize) {
    return new Kv(bed.elements(type, elements(heads, retained), 1, 5).address(), blockSize);
  }

  // Blocks out of order, no two sequences with one in common; sequence 1 lacks the last group, and
  // sequence 2 the second.
  private static Tables tables(KernelBed bed, int sequences, int groups, int blockSize) {
    int blocks = SLOTS / blockSize;
    int stride = blocks / sequences;
    int[] tables = new int[sequences * stride];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = (i * 7) % blocks;
    }
    byte[] present = new byte[sequences * groups];
    Arrays.fill(present, (byte) 1);
    if (groups > 1) {
      present[2 * groups - 1] = 0;
    }
    if (groups > 1 && sequences > 2) {
      present[2 * groups + 1] = 0;
    }
    return new Tables(bed.ints(tables).address(), stride, bed.bytes(present).address());
  }

  @ParameterizedTest(name = "{0} groups of {1} heads of {2}, blocks of {3}, retained: {4}")
  @CsvSource({
    "1,  1,  32, 16, all",
    "5,  1,  32, 32, 1 4",
    "4,  1,  64, 16, none",
    "3,  3,  64, 48, 2",
    "4,  4, 128, 16, 0 3",
    "4,  4, 128, 32, 1 2 3",
    "8,  4, 128, 16, all",
    "3,  8,  96, 32, 1",
    "4,  8,  96, 16, 0 2 3",
    "3, 16,  64, 16, 1 2",
    "2, 16, 128, 32, all"
  })
  void attentionOfOneTokenAgrees(
      int groups, int groupHeads, int headSize, int blockSize, String retained) {
    Heads heads = new Heads(groups, groupHeads, headSize);
    long columns = (long) groups * (groupHeads + 2) * headSize;
    int[] positions = {0, 15, 95, 47, -1};
    for (Element type : Element.values()) {
      compare(
          2 * rounded(type),
          bed -> {
            long yBytes = (long) positions.length * groups * groupHeads * headSize * Element.BYTES;
            DeviceMemory y = bed.poisoned(yBytes);
            DeviceMemory qkv = bed.elements(type, positions.length * columns, 1, 7);
            DeviceMemory scratch =
                bed.zeros(bed.kernels().attentionScratch(positions.length, heads));
            Tables tables = tables(bed, positions.length, groups, blockSize);
            long units = table(bed, retained);
            Kv kv = cache(bed, type, heads, retained, blockSize);
            long at = bed.ints(positions).address();
            for (int i = 0; i < 2; i++) { // the scratch memory must serve again
              bed.kernels()
                  .attentionOne(
                      bed.stream(),
                      type,
                      y.address(),
                      (long) groups * groupHeads * headSize,
                      qkv.address(),
                      columns,
                      heads,
                      kv,
                      at,
                      tables,
                      positions.length,
                      units,
                      scratch.address());
            }
            return bed.elements(type, y);
          });
    }
  }

  @ParameterizedTest(name = "{0} groups of {1} heads of {2}, blocks of {3}, retained: {4}")
  @CsvSource({
    "1,  1,  32, 16, all",
    "5,  1,  96, 32, 1 4",
    "4,  1,  64, 16, none",
    "3,  3,  64, 48, 2",
    "4,  4, 128, 16, 0 3",
    "4,  4, 128, 32, 1 2 3",
    "8,  4,  32, 16, 3 6",
    "3,  8,  96, 32, 1",
    "4,  8,  96, 16, 0 2 3",
    "3, 16,  64, 16, 1 2",
    "2,  1, 128, 32, all"
  })
  void attentionOfManyTokensAgrees(
      int groups, int groupHeads, int headSize, int blockSize, String retained) {
    Heads heads = new Heads(groups, groupHeads, headSize);
    long columns = (long) groups * (groupHeads + 2) * headSize;
    // sequence, first token, tokens, position: a chunk amid a context, three tiles of one sequence
    int[] tiles = {0, 0, 5, 37, 1, 5, 64, 0, 1, 69, 64, 64, 1, 133, 3, 128};
    int tokens = 136;
    for (Element type : Element.values()) {
      compare(
          2 * rounded(type),
          bed -> {
            DeviceMemory y =
                bed.poisoned((long) Element.BYTES * tokens * groups * groupHeads * headSize);
            DeviceMemory qkv = bed.elements(type, tokens * columns, 1, 7);
            Tables tables = tables(bed, 2, groups, blockSize);
            bed.kernels()
                .attentionMany(
                    bed.stream(),
                    type,
                    y.address(),
                    (long) groups * groupHeads * headSize,
                    qkv.address(),
                    columns,
                    heads,
                    cache(bed, type, heads, retained, blockSize),
                    bed.ints(tiles).address(),
                    tiles.length / 4,
                    tables,
                    table(bed, retained));
            return bed.elements(type, y);
          });
    }
  }

  @ParameterizedTest(name = "{0}, interleaved: {1}, blocks of {2}, retained: {3}")
  @CsvSource({
    "F16,  true,  16, 0 2",
    "F16,  false, 32, 1",
    "BF16, false, 16, all",
    "BF16, true,  32, 1 2",
    "BF16, true,  16, none"
  })
  void rotationsAndStoredKeysAgree(
      Element type, boolean interleaved, int blockSize, String retained) {
    Heads heads = new Heads(3, 2, 64);
    long columns = 3L * 4 * 64;
    for (boolean cached : new boolean[] {false, true}) {
      compare(
          rounded(type),
          bed -> {
            DeviceMemory qkv = bed.elements(type, 4 * columns, 1, 1);
            DeviceMemory kv = bed.poisoned(elements(heads, retained) * Element.BYTES);
            bed.kernels()
                .ropeStore(
                    bed.stream(),
                    type,
                    qkv.address(),
                    columns,
                    bed.floats(columns, 2).address(),
                    4,
                    heads,
                    bed.floats(20 * 64, 3).address(),
                    interleaved,
                    bed.ints(19, 0, -1, 7).address(),
                    bed.ints(639, 0, -1, 33).address(),
                    new Kv(kv.address(), blockSize),
                    table(bed, retained));
            return bed.elements(type, cached ? kv : qkv);
          });
    }
  }

  @ParameterizedTest(name = "{0} of {1} numbers")
  @CsvSource({"4, 8", "1020, 1024", "1024, 1024", "1028, 1032", "300000, 300004"})
  void whatIsPinnedIsFetchedAlike(int fetched, int ints) {
    compare(
        0,
        bed -> {
          long bytes = (long) fetched * Integer.BYTES;
          DeviceMemory y = bed.poisoned((long) ints * Integer.BYTES);
          bed.kernels().fetch(bed.stream(), y.address(), bed.pinned(ints), bytes);
          return bed.ints(y);
        });
  }

  @ParameterizedTest(name = "{0} blocks of {1} bytes")
  @CsvSource({"8, 16", "8, 16368", "8, 16384", "9, 16400", "40, 98304", "8, 1114112"})
  void blocksAreCopiedAlike(int blocks, int bytes) {
    compare(
        0,
        bed -> {
          long elements = (long) blocks * bytes / Element.BYTES;
          DeviceMemory x = bed.elements(Element.BF16, elements, 1, 1);
          long pairs = bed.ints(0, blocks - 1, 5, 6, 5, 1).address();
          bed.kernels().copyBlocks(bed.stream(), x.address(), bytes, pairs, 3);
          return bed.elements(Element.BF16, x);
        });
  }

  @ParameterizedTest(name = "{0}: {1} blocks of {2}, heads of {3}, from {4} groups: {5}")
  @CsvSource({
    "F16,    1, 16,  32, 3, 2",
    "BF16,  37, 16,  96, 5, 0 -1 4",
    "BF16, 300, 16, 128, 8, 1 2 5 7",
    "F16,   61, 32, 128, 2, -1 0 -1 1 -1",
    "F16,    9, 48,  64, 4, -1"
  })
  void groupsArePickedAlike(
      Element type, int blocks, int blockSize, int headSize, int xGroups, String picked) {
    int[] ranks = groups(picked, 0);
    compare(
        0,
        bed -> {
          long group = 2L * blockSize * headSize;
          DeviceMemory x = bed.elements(type, group * blocks * xGroups, 1, 1);
          DeviceMemory y = bed.poisoned(group * blocks * ranks.length * Element.BYTES);
          bed.kernels()
              .pickGroups(
                  bed.stream(),
                  type,
                  new Kv(y.address(), blockSize),
                  ranks.length,
                  x.address(),
                  xGroups,
                  bed.ints(ranks).address(),
                  blocks,
                  headSize);
          return bed.elements(type, y);
        });
  }
}
