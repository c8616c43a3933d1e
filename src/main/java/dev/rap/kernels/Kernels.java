package dev.rap.kernels;

import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The operations of a decoder layer under a retention mask, on the CPU.
 *
 * <p>Letters: T tokens in the step, S sequences, D hidden size, F feed-forward size, H query heads,
 * K KV heads, Dh head size, V vocabulary. Rows and columns outside of the given {@link Ranges} are
 * neither read nor written, in weights and in activations: buffers keep their full width, and what
 * a mask drops is skipped in place. Range bounds on quantised columns are multiples of 32 or the
 * end of the row.
 */
public interface Kernels extends AutoCloseable {

  /** {@return what runs, for logs: such as {@code native avx512, 2 threads}} */
  String description();

  /**
   * Gathers rows of {@code table}.
   *
   * @param y {@code [count, columns]}
   * @param tokens int32 {@code [count]}, each a row of {@code table}
   */
  void embed(MemorySegment y, Tensor table, MemorySegment tokens, int count);

  /**
   * y = (accumulate ? y : 0) + x * weight / rms(x), each run of as many elements as {@code weight}
   * has by itself: a whole row, or one head after the other.
   *
   * @param y {@code [tokens, stride]}; may be {@code x}, unless it accumulates
   * @param x like {@code y}
   * @param weight F32 {@code [1, D]} or {@code [1, Dh]}
   * @param eps added to the mean square, before the root
   * @param columns whole runs
   */
  void rmsNorm(
      MemorySegment y,
      MemorySegment x,
      int stride,
      int tokens,
      Tensor weight,
      float eps,
      Ranges columns,
      boolean accumulate);

  /**
   * x *= factor.
   *
   * @param x {@code [rows, columns]}
   */
  void scale(MemorySegment x, int rows, int columns, float factor);

  /**
   * x = cap * tanh(x / cap): a soft bound.
   *
   * @param x {@code [rows, columns]}
   * @param cap positive
   */
  void softCap(MemorySegment x, int rows, int columns, float cap);

  /**
   * x = x * factor + addend, {@code rounds} times: arithmetic that waits for no memory, to see how
   * fast it can be.
   *
   * @param x {@code [elements]}
   */
  void multiplyAdds(MemorySegment x, int elements, float factor, float addend, int rounds);

  /**
   * y[t, r] = (accumulate ? y[t, r] : 0) + sum over c of x[t, c] * w[r, c].
   *
   * @param y {@code [tokens, yStride]}, element r of a row for row r of {@code w}
   * @param x {@code [tokens, xStride]}, element c of a row for column c of {@code w}
   * @param rows of {@code w} that are computed
   * @param columns of {@code w} that are summed over
   */
  void matmul(
      MemorySegment y,
      int yStride,
      MemorySegment x,
      int xStride,
      int tokens,
      Tensor w,
      Ranges rows,
      Ranges columns,
      boolean accumulate);

  /**
   * y[t, r] = activation(gate[r] . x[t] + gateBias[r]) * (up[r] . x[t] + upBias[r]), the gated half
   * of a feed-forward sublayer.
   *
   * @param y {@code [tokens, yStride]}
   * @param x {@code [tokens, xStride]}
   * @param gate {@code [F, D]}
   * @param up {@code [F, D]}
   * @param gateBias F32 {@code [F]}, or {@link MemorySegment#NULL}
   * @param upBias F32 {@code [F]}, or {@link MemorySegment#NULL}
   * @param rows channels that are computed
   */
  void gatedMatmul(
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
      Ranges rows);

  /**
   * y[t, c] += row[c]: a bias, or the mean of what a mask dropped.
   *
   * @param y {@code [tokens, yStride]}
   * @param row F32, indexed like a row of {@code y}
   */
  void addRow(MemorySegment y, int yStride, int tokens, MemorySegment row, Ranges columns);

  /**
   * Rotates the first elements of each head in place, by the angles of its token's position.
   *
   * @param x {@code [tokens, xStride]}, heads of {@code headSize} side by side
   * @param cosSin {@code [tokens, rotarySize]}: rotarySize / 2 cosines, then as many sines
   * @param rotarySize how many elements turn; even
   * @param columns whole heads
   */
  void rope(
      MemorySegment x,
      int xStride,
      int tokens,
      MemorySegment cosSin,
      int rotarySize,
      int headSize,
      RopePairing pairing,
      Ranges columns);

  /**
   * Writes keys and values of new tokens into their slots.
   *
   * @param k {@code [T, stride]}, K heads side by side
   * @param v like {@code k}
   * @param headGroups KV heads that are stored
   */
  void storeKv(
      KvLayer cache,
      MemorySegment k,
      MemorySegment v,
      int stride,
      TokenBatch batch,
      Ranges headGroups);

  /**
   * Causal attention of each token over its sequence's cached positions, its own included.
   *
   * <p>y[t, h] = sum over p of softmax(score(q[t, h] . key[p])) * value[p], where the rule says
   * what a score is and how many positions back it goes.
   *
   * @param y {@code [T, stride]}, H heads side by side
   * @param q like {@code y}
   * @param queryHeadsPerGroup H / K
   * @param present bytes {@code [S, K]}: 0 where the sequence lacks keys of that head group; its
   *     heads then yield zeros
   * @param headGroups KV heads that run
   */
  void attention(
      MemorySegment y,
      MemorySegment q,
      int stride,
      int queryHeadsPerGroup,
      AttentionRule rule,
      KvLayer cache,
      TokenBatch batch,
      MemorySegment present,
      Ranges headGroups);

  /**
   * y[t] = logits[t, target[t]] - log(sum over v of exp(logits[t, v])).
   *
   * @param y float64 {@code [tokens]}
   * @param logits {@code [tokens, vocabulary]}
   * @param targets int32 {@code [tokens]}
   */
  void logProbs(
      MemorySegment y, MemorySegment logits, int tokens, int vocabulary, MemorySegment targets);

  /** Ends the team of threads. Closing twice is allowed. */
  @Override
  void close();
}
