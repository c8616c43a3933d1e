package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/** Attention over the paged KV cache, in float64. */
final class AttentionOracle {
  private final Element type;
  private final MemorySegment y;
  private final long yStride;
  private final MemorySegment qkv;
  private final long qkvStride;
  private final CudaKernels.Heads heads;
  private final MemorySegment keys;
  private final MemorySegment values;
  private final long groupStride;
  private final MemorySegment tables;
  private final int tableStride;
  private final int blockSize;
  private final MemorySegment present;
  private final MemorySegment units;

  AttentionOracle(
      Element type,
      MemorySegment y,
      long yStride,
      MemorySegment qkv,
      long qkvStride,
      CudaKernels.Heads heads,
      MemorySegment keys,
      MemorySegment values,
      long groupStride,
      MemorySegment tables,
      int tableStride,
      int blockSize,
      MemorySegment present,
      MemorySegment units) {
    this.type = type;
    this.y = y;
    this.yStride = yStride;
    this.qkv = qkv;
    this.qkvStride = qkvStride;
    this.heads = heads;
    this.keys = keys;
    this.values = values;
    this.groupStride = groupStride;
    this.tables = tables;
    this.tableStride = tableStride;
    this.blockSize = blockSize;
    this.present = present;
    this.units = units;
  }

  void one(MemorySegment positions, int sequences) {
    for (int s = 0; s < sequences; s++) {
      token(s, s, positions.getAtIndex(JAVA_INT, s));
    }
  }

  void many(MemorySegment tiles, int tileCount) {
    for (int i = 0; i < tileCount; i++) {
      int sequence = tiles.getAtIndex(JAVA_INT, 4L * i);
      int first = tiles.getAtIndex(JAVA_INT, 4L * i + 1);
      int position = tiles.getAtIndex(JAVA_INT, 4L * i + 3);
      for (int t = 0; t < tiles.getAtIndex(JAVA_INT, 4L * i + 2); t++) {
        token(first + t, sequence, position + t);
      }
    }
  }

  private void token(long token, int sequence, int position) {
    for (int group = 0; group < heads.groups(); group++) {
      if (!ElementwiseOracle.retains(units, group)) {
        continue;
      }
      boolean zeros =
          position < 0
              || present.getAtIndex(JAVA_BYTE, (long) sequence * heads.groups() + group) == 0;
      for (int j = 0; j < heads.groupHeads(); j++) {
        double[] sum =
            zeros ? new double[heads.headSize()] : head(token, sequence, position, group, j);
        long column = (long) (group * heads.groupHeads() + j) * heads.headSize();
        for (int i = 0; i < sum.length; i++) {
          Elements.put(type, y, token * yStride + column + i, sum[i]);
        }
      }
    }
  }

  private double[] head(long token, int sequence, int position, int group, int j) {
    int size = heads.headSize();
    long query = token * qkvStride + (long) (group * (heads.groupHeads() + 2) + j) * size;
    double[] scores = new double[position + 1];
    double greatest = Double.NEGATIVE_INFINITY;
    for (int p = 0; p <= position; p++) {
      long key = slot(sequence, group, p);
      for (int i = 0; i < size; i++) {
        scores[p] +=
            (double) Elements.get(type, qkv, query + i) * Elements.get(type, keys, key + i);
      }
      scores[p] /= Math.sqrt(size);
      greatest = Math.max(greatest, scores[p]);
    }
    double total = 0;
    double[] sum = new double[size];
    for (int p = 0; p <= position; p++) {
      double weight = Math.exp(scores[p] - greatest);
      total += weight;
      long value = slot(sequence, group, p);
      for (int i = 0; i < size; i++) {
        sum[i] += weight * Elements.get(type, values, value + i);
      }
    }
    for (int i = 0; i < size; i++) {
      sum[i] /= total;
    }
    return sum;
  }

  private long slot(int sequence, int group, int position) {
    long entry = (long) sequence * tableStride + position / blockSize;
    long slot = (long) tables.getAtIndex(JAVA_INT, entry) * blockSize + position % blockSize;
    return group * groupStride + slot * heads.headSize();
  }
}
