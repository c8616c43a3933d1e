package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;

/**
 * Kernels that compute nothing and check everything: a token's number goes through the model
 * unchanged, so that a sequence of one number repeats it. Each key and value in the cache is marked
 * with that number, its position and the head group's first weight; attention finds the marks of
 * the right tokens at all positions that it would read, or fails.
 */
final class MarkKernels extends OracleKernels {
  private static final int NUMBER = 0; // places in a row, a key or a value
  private static final int POSITION = 1;
  private static final int GROUP = 2;

  MarkKernels(FakeDriver driver) {
    super(driver);
  }

  @Override
  public void embed(long stream, Element type, long y, long table, long tokens, int count, int d) {
    driver()
        .queue(
            stream,
            () -> {
              for (long t = 0; t < count; t++) {
                at(y).setAtIndex(JAVA_FLOAT, t * d, at(tokens).getAtIndex(JAVA_INT, t));
              }
            });
  }

  @Override
  public void rmsNorm(
      long stream,
      Element type,
      long y,
      long x,
      long weight,
      long rows,
      int tokens,
      int d,
      float eps) {
    driver()
        .queue(
            stream,
            () -> {
              for (long t = 0; t < tokens; t++) {
                long row = rows == 0 ? t : at(rows).getAtIndex(JAVA_INT, t);
                Elements.put(type, at(y), t * d, at(x).getAtIndex(JAVA_FLOAT, row * d));
              }
            });
  }

  // Of logits, or of queries, keys and values: those get the first weight of their unit.
  @Override
  public void rows(
      long stream,
      Element type,
      long y,
      long yStride,
      boolean yF32,
      long x,
      long xStride,
      int tokens,
      long w,
      int rows,
      int d,
      Units units) {
    driver()
        .queue(
            stream,
            () -> {
              for (long t = 0; t < tokens; t++) {
                float number = Elements.get(type, at(x), t * xStride);
                if (yF32) {
                  at(y).setAtIndex(JAVA_FLOAT, t * yStride, number);
                  continue;
                }
                for (int i = 0; i < count(units); i++) {
                  long first = (long) unit(units, i) * units.unitRows();
                  Elements.put(type, at(y), t * yStride + first + NUMBER, number);
                  float weight = Elements.get(type, at(w), first * d);
                  Elements.put(type, at(y), t * yStride + first + GROUP, weight);
                }
              }
            });
  }

  private int count(Units units) {
    return at(units.table()).getAtIndex(JAVA_INT, 0);
  }

  private int unit(Units units, int index) {
    return at(units.table()).getAtIndex(JAVA_INT, 1L + index);
  }

  @Override
  public void ropeStore(
      long stream,
      Element type,
      long qkv,
      long qkvStride,
      long bias,
      int tokens,
      Heads heads,
      long cosSin,
      boolean interleaved,
      long positions,
      long slots,
      Kv kv,
      long units) {
    driver()
        .queue(
            stream,
            () -> {
              for (int t = 0; t < tokens; t++) {
                int slot = at(slots).getAtIndex(JAVA_INT, t);
                int position = at(positions).getAtIndex(JAVA_INT, t);
                if (slot >= 0) {
                  store(type, new Row(qkv, t * qkvStride), heads, position, slot, kv, units);
                }
              }
            });
  }

  private record Row(long qkv, long first) {}

  private void store(
      Element type, Row row, Heads heads, int position, int slot, Kv kv, long units) {
    Units retained = new Units(units, unitRows(heads));
    for (int rank = 0; rank < count(retained); rank++) {
      long unit = row.first() + (long) unit(retained, rank) * unitRows(heads);
      float number = Elements.get(type, at(row.qkv()), unit + NUMBER);
      float group = Elements.get(type, at(row.qkv()), unit + GROUP);
      for (long half : halves(heads, kv, count(retained), rank, slot)) {
        Elements.put(type, at(kv.blocks()), half + NUMBER, number);
        Elements.put(type, at(kv.blocks()), half + POSITION, position);
        Elements.put(type, at(kv.blocks()), half + GROUP, group);
      }
    }
  }

  private static int unitRows(Heads heads) {
    return (heads.groupHeads() + 2) * heads.headSize();
  }

  // The first elements of a slot's key and value.
  private static long[] halves(Heads heads, Kv kv, int retained, int rank, int slot) {
    long half = 2L * (slot / kv.blockSize() * retained + rank);
    long key = (half * kv.blockSize() + slot % kv.blockSize()) * heads.headSize();
    return new long[] {key, key + (long) kv.blockSize() * heads.headSize()};
  }

  @Override
  public void attentionOne(
      long stream,
      Element type,
      long y,
      long yStride,
      long qkv,
      long qkvStride,
      Heads heads,
      Kv kv,
      long positions,
      Tables tables,
      int sequences,
      long units,
      long scratch) {
    driver()
        .queue(
            stream,
            () -> {
              for (int s = 0; s < sequences; s++) {
                int position = at(positions).getAtIndex(JAVA_INT, s);
                if (position >= 0) {
                  check(type, new Row(qkv, s * qkvStride), heads, kv, tables, s, position, units);
                }
              }
            });
  }

  @Override
  public void attentionMany(
      long stream,
      Element type,
      long y,
      long yStride,
      long qkv,
      long qkvStride,
      Heads heads,
      Kv kv,
      long tiles,
      int tileCount,
      Tables tables,
      long units) {
    driver()
        .queue(
            stream,
            () -> {
              for (long tile = 0; tile < tileCount; tile++) {
                int sequence = at(tiles).getAtIndex(JAVA_INT, 4 * tile);
                int last = at(tiles).getAtIndex(JAVA_INT, 4 * tile + 2) - 1;
                long first = at(tiles).getAtIndex(JAVA_INT, 4 * tile + 1);
                int position = at(tiles).getAtIndex(JAVA_INT, 4 * tile + 3) + last;
                Row row = new Row(qkv, (first + last) * qkvStride);
                check(type, row, heads, kv, tables, sequence, position, units);
              }
            });
  }

  private void check(
      Element type,
      Row row,
      Heads heads,
      Kv kv,
      Tables tables,
      int sequence,
      int position,
      long units) {
    Units retained = new Units(units, unitRows(heads));
    MemorySegment cache = at(kv.blocks());
    for (int rank = 0; rank < count(retained); rank++) {
      int slot = unit(retained, rank);
      long flag = (long) sequence * heads.groups() + slot;
      if (at(tables.present()).get(JAVA_BYTE, flag) == 0) {
        continue;
      }
      long unit = row.first() + (long) slot * unitRows(heads);
      float number = Elements.get(type, at(row.qkv()), unit + NUMBER);
      float group = Elements.get(type, at(row.qkv()), unit + GROUP);
      for (int p = 0; p <= position; p++) {
        long entry = (long) sequence * tables.stride() + p / kv.blockSize();
        int block = at(tables.tables()).getAtIndex(JAVA_INT, entry);
        int place = block * kv.blockSize() + p % kv.blockSize();
        for (long half : halves(heads, kv, count(retained), rank, place)) {
          assertEquals(number, Elements.get(type, cache, half + NUMBER), "another sequence's");
          assertEquals(p, Elements.get(type, cache, half + POSITION), "another position's");
          assertEquals(group, Elements.get(type, cache, half + GROUP), "another head group's");
        }
      }
    }
  }

  @Override
  public void gatedRows(
      long stream,
      Element type,
      long y,
      long yStride,
      long x,
      long xStride,
      int tokens,
      long gate,
      long up,
      long gateBias,
      long upBias,
      int rows,
      int d,
      Units units) {
    driver().queue(stream, () -> {});
  }

  @Override
  public void accumulate(
      long stream,
      Element type,
      long y,
      long x,
      long xStride,
      int tokens,
      long w,
      int rows,
      int d,
      Units units,
      long addend,
      long scratch) {
    driver().queue(stream, () -> {});
  }

  @Override
  public void argmax(long stream, long y, long logits, int rows, int vocabulary) {
    driver()
        .queue(
            stream,
            () -> {
              for (long row = 0; row < rows; row++) {
                float number = at(logits).getAtIndex(JAVA_FLOAT, row * vocabulary);
                at(y).setAtIndex(JAVA_INT, row, (int) number);
              }
            });
  }
}
