package dev.rap.kernels.reference;

import static dev.rap.kernels.reference.Layouts.F32;
import static dev.rap.kernels.reference.Layouts.F64;
import static dev.rap.kernels.reference.Layouts.i32;

import dev.rap.kernels.Activation;
import dev.rap.kernels.AttentionRule;
import dev.rap.kernels.Kernels;
import dev.rap.kernels.KvLayer;
import dev.rap.kernels.Ranges;
import dev.rap.kernels.RopePairing;
import dev.rap.kernels.TokenBatch;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;

/** The kernels in plain Java. Weights are read as they are, sums are float64. */
public final class ReferenceKernels implements Kernels {

  @Override
  public String description() {
    return "reference Java, 1 thread";
  }

  @Override
  public void embed(MemorySegment y, Tensor table, MemorySegment tokens, int count) {
    Ranges all = Ranges.all(table.columns());
    float[] row = new float[table.columns()];
    for (int t = 0; t < count; t++) {
      Rows.read(table, i32(tokens, t), all, row);
      MemorySegment.copy(row, 0, y, F32, 4L * t * row.length, row.length);
    }
  }

  @Override
  public void rmsNorm(
      MemorySegment y,
      MemorySegment x,
      int stride,
      int tokens,
      Tensor weight,
      float eps,
      Ranges columns,
      boolean accumulate) {
    int size = weight.columns();
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < columns.count(); i++) {
        for (int first = columns.start(i); first < columns.end(i); first += size) {
          long base = 4 * ((long) t * stride + first);
          double scale = 1 / Math.sqrt(meanSquare(x, base, size) + eps);
          for (int c = 0; c < size; c++) {
            long at = base + 4L * c;
            double value = x.get(F32, at) * scale * weight.data().get(F32, 4L * c);
            y.set(F32, at, (float) (value + (accumulate ? y.get(F32, at) : 0)));
          }
        }
      }
    }
  }

  private static double meanSquare(MemorySegment x, long base, int size) {
    double squares = 0;
    for (int c = 0; c < size; c++) {
      double value = x.get(F32, base + 4L * c);
      squares += value * value;
    }
    return squares / size;
  }

  @Override
  public void scale(MemorySegment x, int rows, int columns, float factor) {
    for (long i = 0; i < (long) rows * columns; i++) {
      x.set(F32, 4 * i, x.get(F32, 4 * i) * factor);
    }
  }

  @Override
  public void softCap(MemorySegment x, int rows, int columns, float cap) {
    for (long i = 0; i < (long) rows * columns; i++) {
      x.set(F32, 4 * i, (float) (cap * Math.tanh((double) x.get(F32, 4 * i) / cap)));
    }
  }

  @Override
  public void multiplyAdds(MemorySegment x, int elements, float factor, float addend, int rounds) {
    for (long i = 0; i < elements; i++) {
      float value = x.get(F32, 4 * i);
      for (int round = 0; round < rounds; round++) {
        value = value * factor + addend;
      }
      x.set(F32, 4 * i, value);
    }
  }

  @Override
  public void matmul(
      MemorySegment y,
      int yStride,
      MemorySegment x,
      int xStride,
      int tokens,
      Tensor w,
      Ranges rows,
      Ranges columns,
      boolean accumulate) {
    MatrixProduct product = new MatrixProduct(x, xStride, tokens, columns);
    forEach(
        rows,
        r -> {
          double[] sums = product.row(w, r);
          for (int t = 0; t < tokens; t++) {
            long at = 4 * ((long) t * yStride + r);
            y.set(F32, at, (float) (sums[t] + (accumulate ? y.get(F32, at) : 0)));
          }
        });
  }

  @Override
  public void gatedMatmul(
      MemorySegment y,
      int yStride,
      MemorySegment x,
      int xStride,
      int tokens,
      Tensor gate,
      Tensor up,
      MemorySegment gateBias,
      MemorySegment upBias,
      Activation activation,
      Ranges rows) {
    MatrixProduct product = new MatrixProduct(x, xStride, tokens, Ranges.all(gate.columns()));
    forEach(
        rows,
        r -> {
          double[] gates = product.row(gate, r);
          double[] ups = product.row(up, r);
          for (int t = 0; t < tokens; t++) {
            double gated = activate(activation, gates[t] + biasOf(gateBias, r));
            double value = gated * (ups[t] + biasOf(upBias, r));
            y.set(F32, 4 * ((long) t * yStride + r), (float) value);
          }
        });
  }

  private static double activate(Activation activation, double x) {
    return switch (activation) {
      case SILU -> x / (1 + Math.exp(-x));
      case GELU_TANH ->
          x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    };
  }

  private static float biasOf(MemorySegment bias, int row) {
    return bias.equals(MemorySegment.NULL) ? 0 : bias.get(F32, 4L * row);
  }

  @Override
  public void addRow(MemorySegment y, int yStride, int tokens, MemorySegment row, Ranges columns) {
    for (int t = 0; t < tokens; t++) {
      long base = 4L * t * yStride;
      forEach(
          columns,
          c -> y.set(F32, base + 4L * c, y.get(F32, base + 4L * c) + row.get(F32, 4L * c)));
    }
  }

  @Override
  public void rope(
      MemorySegment x,
      int xStride,
      int tokens,
      MemorySegment cosSin,
      int rotarySize,
      int headSize,
      RopePairing pairing,
      Ranges columns) {
    int half = rotarySize / 2;
    long step = pairing == RopePairing.HALVES ? 1 : 2;
    long apart = pairing == RopePairing.HALVES ? half : 1;
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < columns.count(); i++) {
        for (int head = columns.start(i); head < columns.end(i); head += headSize) {
          for (int j = 0; j < half; j++) {
            double cos = cosSin.get(F32, 4 * ((long) t * rotarySize + j));
            double sin = cosSin.get(F32, 4 * ((long) t * rotarySize + half + j));
            long a = 4 * ((long) t * xStride + head + step * j);
            long b = a + 4 * apart;
            double first = x.get(F32, a);
            double second = x.get(F32, b);
            x.set(F32, a, (float) (first * cos - second * sin));
            x.set(F32, b, (float) (second * cos + first * sin));
          }
        }
      }
    }
  }

  @Override
  public void storeKv(
      KvLayer cache,
      MemorySegment k,
      MemorySegment v,
      int stride,
      TokenBatch batch,
      Ranges headGroups) {
    new ReferenceAttention(cache, batch).store(k, v, stride, headGroups);
  }

  @Override
  public void attention(
      MemorySegment y,
      MemorySegment q,
      int stride,
      int queryHeadsPerGroup,
      AttentionRule rule,
      KvLayer cache,
      TokenBatch batch,
      MemorySegment present,
      Ranges headGroups) {
    new ReferenceAttention(cache, batch)
        .attend(y, q, stride, queryHeadsPerGroup, rule, present, headGroups);
  }

  @Override
  public void logProbs(
      MemorySegment y, MemorySegment logits, int tokens, int vocabulary, MemorySegment targets) {
    for (int t = 0; t < tokens; t++) {
      long base = 4L * t * vocabulary;
      double highest = Double.NEGATIVE_INFINITY;
      for (int v = 0; v < vocabulary; v++) {
        highest = Math.max(highest, logits.get(F32, base + 4L * v));
      }
      double sum = 0;
      for (int v = 0; v < vocabulary; v++) {
        sum += Math.exp(logits.get(F32, base + 4L * v) - highest);
      }
      double logit = logits.get(F32, base + 4L * i32(targets, t));
      y.setAtIndex(F64, t, logit - highest - Math.log(sum));
    }
  }

  @Override
  public void close() {}

  private static void forEach(Ranges ranges, IntConsumer action) {
    for (int i = 0; i < ranges.count(); i++) {
      for (int index = ranges.start(i); index < ranges.end(i); index++) {
        action.accept(index);
      }
    }
  }
}
