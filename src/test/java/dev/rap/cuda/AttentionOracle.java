package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rap.cuda.CudaKernels.Heads;
import java.lang.foreign.MemorySegment;

/**
 * The attention of {@code kernels/rap_cuda.h} in host memory: sums are float64, nothing is clever.
 * Units may be {@link MemorySegment#NULL}, for all groups.
 */
final class AttentionOracle {
  private final Element type;
  private final Heads heads;
  private final Kv kv;
  private final Tables tables;
  private final MemorySegment units;

  /** KvBlocks of one layer, {@code [blocks, R, 2, blockSize, Dh]}. */
  record Kv(MemorySegment blocks, int blockSize) {
    /** {@return the first element of a slot's key in a head group} */
    long key(MemorySegment units, Heads heads, int group, long slot) {
      int rank = 0;
      int retained = 0;
      for (int unit = 0; unit < heads.groups(); unit++) {
        boolean counts = ElementwiseOracle.retains(units, unit);
        retained += counts ? 1 : 0;
        rank += counts && unit < group ? 1 : 0;
      }
      long half = 2 * (slot / blockSize * retained + rank);
      return (half * blockSize + slot % blockSize) * heads.headSize();
    }

    /** {@return the first element of the value whose key begins at {@code key}} */
    long value(long key, Heads heads) {
      return key + (long) blockSize * heads.headSize();
    }
  }

  /** Block tables, int32 {@code [S, stride]}, and what sequences have, bytes {@code [S, K]}. */
  record Tables(MemorySegment tables, int stride, MemorySegment present) {}

  /** A row of y or of the qkv product, from a column of it on. */
  private record Row(MemorySegment elements, long first) {}

  /** A token's place: the query and the result are those of one head. */
  private record Query(Row q, Row y, int sequence, int group, int position) {}

  private AttentionOracle(Element type, Heads heads, Kv kv, Tables tables, MemorySegment units) {
    this.type = type;
    this.heads = heads;
    this.kv = kv;
    this.tables = tables;
    this.units = units;
  }

  static void attentionOne(
      Element type,
      MemorySegment y,
      long yStride,
      MemorySegment qkv,
      long qkvStride,
      Heads heads,
      Kv kv,
      MemorySegment positions,
      Tables tables,
      int sequences,
      MemorySegment units) {
    AttentionOracle oracle = new AttentionOracle(type, heads, kv, tables, units);
    for (int s = 0; s < sequences; s++) {
      Row query = new Row(qkv, s * qkvStride);
      oracle.token(query, new Row(y, s * yStride), s, positions.getAtIndex(JAVA_INT, s));
    }
  }

  static void attentionMany(
      Element type,
      MemorySegment y,
      long yStride,
      MemorySegment qkv,
      long qkvStride,
      Heads heads,
      Kv kv,
      MemorySegment tiles,
      int tileCount,
      Tables tables,
      MemorySegment units) {
    AttentionOracle oracle = new AttentionOracle(type, heads, kv, tables, units);
    for (long tile = 0; tile < tileCount; tile++) {
      int sequence = tiles.getAtIndex(JAVA_INT, 4 * tile);
      long first = tiles.getAtIndex(JAVA_INT, 4 * tile + 1);
      int tokens = tiles.getAtIndex(JAVA_INT, 4 * tile + 2);
      int position = tiles.getAtIndex(JAVA_INT, 4 * tile + 3);
      for (int t = 0; t < tokens; t++) {
        Row query = new Row(qkv, (first + t) * qkvStride);
        oracle.token(query, new Row(y, (first + t) * yStride), sequence, position + t);
      }
    }
  }

  private void token(Row qkv, Row y, int sequence, int position) {
    int size = heads.headSize();
    for (int group = 0; group < heads.groups(); group++) {
      if (!ElementwiseOracle.retains(units, group)) {
        continue;
      }
      for (int j = 0; j < heads.groupHeads(); j++) {
        long from = (long) (group * (heads.groupHeads() + 2) + j) * size;
        long to = (long) (group * heads.groupHeads() + j) * size;
        Row q = new Row(qkv.elements(), qkv.first() + from);
        head(new Query(q, new Row(y.elements(), y.first() + to), sequence, group, position));
      }
    }
  }

  private void head(Query query) {
    int size = heads.headSize();
    double[] sums = new double[size];
    if (query.position() >= 0 && has(query.sequence(), query.group())) {
      double[] weights = softmax(scores(query));
      for (int p = 0; p < weights.length; p++) {
        long value = kv.value(key(query, p), heads);
        for (int d = 0; d < size; d++) {
          sums[d] += weights[p] * Elements.get(type, kv.blocks(), value + d);
        }
      }
    }
    for (int d = 0; d < size; d++) {
      Elements.put(type, query.y().elements(), query.y().first() + d, sums[d]);
    }
  }

  private double[] scores(Query query) {
    double[] scores = new double[query.position() + 1];
    for (int p = 0; p < scores.length; p++) {
      long key = key(query, p);
      double sum = 0;
      for (int d = 0; d < heads.headSize(); d++) {
        double q = Elements.get(type, query.q().elements(), query.q().first() + d);
        sum += q * Elements.get(type, kv.blocks(), key + d);
      }
      scores[p] = sum / Math.sqrt(heads.headSize());
    }
    return scores;
  }

  private static double[] softmax(double[] scores) {
    double highest = Double.NEGATIVE_INFINITY;
    for (double score : scores) {
      highest = Math.max(highest, score);
    }
    double total = 0;
    double[] weights = new double[scores.length];
    for (int p = 0; p < scores.length; p++) {
      weights[p] = Math.exp(scores[p] - highest);
      total += weights[p];
    }
    for (int p = 0; p < scores.length; p++) {
      weights[p] /= total;
    }
    return weights;
  }

  /** {@return the first element of the key of a position that the query sees} */
  private long key(Query query, int position) {
    long entry = (long) query.sequence() * tables.stride() + position / kv.blockSize();
    long kvBlock = tables.tables().getAtIndex(JAVA_INT, entry);
    long slot = kvBlock * kv.blockSize() + position % kv.blockSize();
    return kv.key(units, heads, query.group(), slot);
  }

  private boolean has(int sequence, int group) {
    return tables.present().get(JAVA_BYTE, (long) sequence * heads.groups() + group) != 0;
  }
}
