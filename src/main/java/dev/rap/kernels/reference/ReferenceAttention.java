package dev.rap.kernels.reference;

import static dev.rap.kernels.reference.Layouts.F32;
import static dev.rap.kernels.reference.Layouts.U16;
import static dev.rap.kernels.reference.Layouts.f16;
import static dev.rap.kernels.reference.Layouts.i32;

import dev.rap.kernels.AttentionRule;
import dev.rap.kernels.KvLayer;
import dev.rap.kernels.Ranges;
import dev.rap.kernels.TokenBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Attention over a paged KV cache, token by token and head by head. */
final class ReferenceAttention {
  private final KvLayer cache;
  private final TokenBatch batch;

  ReferenceAttention(KvLayer cache, TokenBatch batch) {
    this.cache = cache;
    this.batch = batch;
  }

  void store(MemorySegment k, MemorySegment v, int stride, Ranges headGroups) {
    for (int t = 0; t < batch.tokens(); t++) {
      for (int i = 0; i < headGroups.count(); i++) {
        for (int group = headGroups.start(i); group < headGroups.end(i); group++) {
          long from = 4 * ((long) t * stride + (long) group * cache.headSize());
          long to = offset(group, i32(batch.slots(), t));
          store(k, from, cache.keys(), to);
          store(v, from, cache.values(), to);
        }
      }
    }
  }

  private void store(MemorySegment from, long fromOffset, MemorySegment to, long toOffset) {
    for (int d = 0; d < cache.headSize(); d++) {
      to.set(U16, toOffset + 2L * d, Float.floatToFloat16(from.get(F32, fromOffset + 4L * d)));
    }
  }

  void attend(
      MemorySegment y,
      MemorySegment q,
      int stride,
      int queryHeadsPerGroup,
      AttentionRule rule,
      MemorySegment present,
      Ranges headGroups) {
    for (int t = 0; t < batch.tokens(); t++) {
      int sequence = i32(batch.sequenceOf(), t);
      for (int i = 0; i < headGroups.count(); i++) {
        for (int group = headGroups.start(i); group < headGroups.end(i); group++) {
          boolean has =
              present.get(ValueLayout.JAVA_BYTE, (long) sequence * cache.headGroups() + group) != 0;
          for (int h = group * queryHeadsPerGroup; h < (group + 1) * queryHeadsPerGroup; h++) {
            long at = 4 * ((long) t * stride + (long) h * cache.headSize());
            double[] head = has ? head(q, at, t, group, rule) : new double[cache.headSize()];
            for (int d = 0; d < cache.headSize(); d++) {
              y.set(F32, at + 4L * d, (float) head[d]);
            }
          }
        }
      }
    }
  }

  private double[] head(MemorySegment q, long at, int token, int group, AttentionRule rule) {
    int last = i32(batch.positions(), token);
    int first = rule.first(last);
    double[] weights = new double[last + 1 - first];
    double highest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = score(q, at, offset(group, slot(token, first + i)), rule);
      highest = Math.max(highest, weights[i]);
    }
    double total = 0;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.exp(weights[i] - highest);
      total += weights[i];
    }
    double[] out = new double[cache.headSize()];
    for (int i = 0; i < weights.length; i++) {
      long value = offset(group, slot(token, first + i));
      for (int d = 0; d < cache.headSize(); d++) {
        out[d] += weights[i] / total * f16(cache.values(), value + 2L * d);
      }
    }
    return out;
  }

  private double score(MemorySegment q, long at, long key, AttentionRule rule) {
    double sum = 0;
    for (int d = 0; d < cache.headSize(); d++) {
      sum += (double) q.get(F32, at + 4L * d) * f16(cache.keys(), key + 2L * d);
    }
    double scaled = sum * rule.scale();
    return rule.softCap() == 0 ? scaled : rule.softCap() * Math.tanh(scaled / rule.softCap());
  }

  private int slot(int token, int position) {
    long row = (long) i32(batch.sequenceOf(), token) * batch.blockTableStride();
    int kvBlock = i32(batch.blockTables(), row + position / batch.blockSize());
    return kvBlock * batch.blockSize() + position % batch.blockSize();
  }

  private long offset(int group, int slot) {
    return 2 * (group * cache.groupStride() + (long) slot * cache.headSize());
  }
}
