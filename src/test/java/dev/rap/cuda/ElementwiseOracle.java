package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rap.cuda.CudaKernels.Heads;
import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * The functions of {@code kernels/rap_cuda.h} that are neither products nor attention, in host
 * memory: sums are float64, nothing is clever. What may be NULL there is {@link MemorySegment#NULL}
 * here.
 */
final class ElementwiseOracle {
  private ElementwiseOracle() {}

  static void embed(
      Element type, MemorySegment y, MemorySegment table, MemorySegment tokens, int count, int d) {
    for (long t = 0; t < count; t++) {
      long token = tokens.getAtIndex(JAVA_INT, t);
      for (int c = 0; c < d; c++) {
        float value = token < 0 ? 0 : Elements.get(type, table, token * d + c);
        y.setAtIndex(JAVA_FLOAT, t * d + c, value);
      }
    }
  }

  static void rmsNorm(
      Element type,
      MemorySegment y,
      MemorySegment x,
      MemorySegment weight,
      MemorySegment rows,
      int tokens,
      int d,
      float eps) {
    for (long t = 0; t < tokens; t++) {
      long first = d * (isNull(rows) ? t : rows.getAtIndex(JAVA_INT, t));
      double squares = 0;
      for (int c = 0; c < d; c++) {
        squares += Math.pow(x.getAtIndex(JAVA_FLOAT, first + c), 2);
      }
      double root = Math.sqrt(squares / d + eps);
      for (int c = 0; c < d; c++) {
        double value = x.getAtIndex(JAVA_FLOAT, first + c) / root;
        Elements.put(type, y, t * d + c, value * weight.getAtIndex(JAVA_FLOAT, c));
      }
    }
  }

  static void ropeStore(
      Element type,
      MemorySegment qkv,
      long qkvStride,
      MemorySegment bias,
      int tokens,
      Heads heads,
      MemorySegment cosSin,
      boolean interleaved,
      MemorySegment positions,
      MemorySegment slots,
      AttentionOracle.Kv kv,
      MemorySegment units) {
    int size = heads.headSize();
    for (long t = 0; t < tokens; t++) {
      long position = positions.getAtIndex(JAVA_INT, t);
      long slot = slots.getAtIndex(JAVA_INT, t);
      for (int group = 0; group < heads.groups(); group++) {
        if (position < 0 || !retains(units, group)) {
          continue;
        }
        for (int head = 0; head < heads.groupHeads() + 2; head++) {
          int column = (group * (heads.groupHeads() + 2) + head) * size;
          double[] x = biased(type, qkv, t * qkvStride, bias, column, size);
          if (head <= heads.groupHeads()) {
            rotate(x, cosSin, position * size, interleaved);
          }
          if (head < heads.groupHeads()) {
            put(type, qkv, t * qkvStride + column, x);
          } else if (slot >= 0) {
            long key = kv.key(units, heads, group, slot);
            boolean isKey = head == heads.groupHeads();
            put(type, kv.blocks(), isKey ? key : kv.value(key, heads), x);
          }
        }
      }
    }
  }

  private static double[] biased(
      Element type, MemorySegment qkv, long row, MemorySegment bias, int column, int size) {
    double[] x = new double[size];
    for (int i = 0; i < size; i++) {
      x[i] = Elements.get(type, qkv, row + column + i);
      x[i] += valueOr0(bias, column + i);
    }
    return x;
  }

  private static void rotate(double[] x, MemorySegment cosSin, long angles, boolean interleaved) {
    int pairs = x.length / 2;
    for (int i = 0; i < pairs; i++) {
      int a = interleaved ? 2 * i : i;
      int b = interleaved ? 2 * i + 1 : i + pairs;
      double cos = cosSin.getAtIndex(JAVA_FLOAT, angles + i);
      double sin = cosSin.getAtIndex(JAVA_FLOAT, angles + pairs + i);
      double first = x[a];
      x[a] = first * cos - x[b] * sin;
      x[b] = x[b] * cos + first * sin;
    }
  }

  private static void put(Element type, MemorySegment to, long first, double[] values) {
    for (int i = 0; i < values.length; i++) {
      Elements.put(type, to, first + i, values[i]);
    }
  }

  static void swiglu(
      Element type,
      MemorySegment gate,
      MemorySegment up,
      MemorySegment gateBias,
      MemorySegment upBias,
      long stride,
      int tokens,
      int channels,
      MemorySegment units,
      int unitRows) {
    for (long t = 0; t < tokens; t++) {
      for (int c = 0; c < channels; c++) {
        if (retains(units, c / unitRows)) {
          double g = Elements.get(type, gate, t * stride + c) + valueOr0(gateBias, c);
          double u = Elements.get(type, up, t * stride + c) + valueOr0(upBias, c);
          Elements.put(type, gate, t * stride + c, gated(g, u));
        }
      }
    }
  }

  static double gated(double gate, double up) {
    return gate / (1 + Math.exp(-gate)) * up;
  }

  static void addRow(MemorySegment y, MemorySegment row, int tokens, int d) {
    for (long t = 0; t < tokens; t++) {
      for (int c = 0; c < d; c++) {
        float sum = y.getAtIndex(JAVA_FLOAT, t * d + c) + row.getAtIndex(JAVA_FLOAT, c);
        y.setAtIndex(JAVA_FLOAT, t * d + c, sum);
      }
    }
  }

  static void columnSums(
      Element type, MemorySegment sums, MemorySegment x, long stride, int tokens, int columns) {
    for (int c = 0; c < columns; c++) {
      double sum = sums.getAtIndex(JAVA_DOUBLE, c);
      for (long t = 0; t < tokens; t++) {
        sum += Elements.get(type, x, t * stride + c);
      }
      sums.setAtIndex(JAVA_DOUBLE, c, sum);
    }
  }

  static void argmax(MemorySegment y, MemorySegment logits, int rows, int vocabulary) {
    for (int i = 0; i < rows; i++) {
      y.setAtIndex(JAVA_INT, i, SampleOracle.best(row(logits, i, vocabulary)));
    }
  }

  /** Leaves the logits as they are. */
  static void sample(
      MemorySegment y, MemorySegment logits, int rows, int vocabulary, MemorySegment draws) {
    for (int i = 0; i < rows; i++) {
      SampleOracle.Draw draw = SampleOracle.Draw.read(draws, i);
      y.setAtIndex(JAVA_INT, i, SampleOracle.draw(row(logits, i, vocabulary), draw));
    }
  }

  static void logProbs(
      MemorySegment y, MemorySegment logits, int rows, int vocabulary, MemorySegment targets) {
    for (int i = 0; i < rows; i++) {
      float[] row = row(logits, i, vocabulary);
      double greatest = row[SampleOracle.best(row)];
      double sum = 0;
      for (float logit : row) {
        sum += Math.exp(logit - greatest);
      }
      int target = targets.getAtIndex(JAVA_INT, i);
      double logit = target < 0 || target >= vocabulary ? Double.NaN : row[target];
      y.setAtIndex(JAVA_DOUBLE, i, logit - greatest - Math.log(sum));
    }
  }

  private static float[] row(MemorySegment logits, int row, int vocabulary) {
    return logits.asSlice(4L * row * vocabulary, 4L * vocabulary).toArray(JAVA_FLOAT);
  }

  static void copyBlocks(MemorySegment x, long blockBytes, MemorySegment pairs, int count) {
    for (long i = 0; i < count; i++) {
      long from = pairs.getAtIndex(JAVA_INT, 2 * i) * blockBytes;
      long to = pairs.getAtIndex(JAVA_INT, 2 * i + 1) * blockBytes;
      MemorySegment.copy(x, from, x, to, blockBytes);
    }
  }

  static void pickGroups(
      MemorySegment y,
      int yGroups,
      MemorySegment x,
      int xGroups,
      MemorySegment ranks,
      int blocks,
      int headSize,
      int blockSize) {
    long bytes = 2L * blockSize * headSize * Element.BYTES;
    for (long block = 0; block < blocks; block++) {
      for (int group = 0; group < yGroups; group++) {
        int rank = ranks.getAtIndex(JAVA_INT, group);
        if (rank >= 0) {
          long from = (block * xGroups + rank) * bytes;
          MemorySegment.copy(x, from, y, (block * yGroups + group) * bytes, bytes);
        }
      }
    }
  }

  static void convert(
      Element type,
      MemorySegment y,
      long yColumns,
      long run,
      long runStride,
      MemorySegment x,
      DType stored,
      long firstRow,
      long rows,
      int columns,
      boolean transpose) {
    for (long i = 0; i < rows; i++) {
      for (int c = 0; c < columns; c++) {
        double value = StoredRows.value(stored, x, i * stored.byteSize(columns), c);
        long row = transpose ? c : firstRow + i;
        long column = transpose ? firstRow + i : c;
        long placed = row / run * runStride + row % run;
        Elements.put(type, y, placed * yColumns + column, value);
      }
    }
  }

  /** {@return an element of an F32 row that may be missing} */
  static double valueOr0(MemorySegment row, int column) {
    return isNull(row) ? 0 : row.getAtIndex(JAVA_FLOAT, column);
  }

  private static boolean isNull(MemorySegment segment) {
    return segment.equals(MemorySegment.NULL);
  }

  static boolean retains(MemorySegment units, int unit) {
    if (isNull(units)) {
      return true;
    }
    for (int i = 1; i <= units.getAtIndex(JAVA_INT, 0); i++) {
      if (units.getAtIndex(JAVA_INT, i) == unit) {
        return true;
      }
    }
    return false;
  }
}
