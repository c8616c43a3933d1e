package dev.rap.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The keys and values of one decoder layer, F16, {@code [headGroups, slots, headSize]} each.
 *
 * <p>A head group that is dropped is neither read nor written, so its memory may be absent.
 *
 * @param keys after RoPE, all head groups, the dropped ones included
 * @param values as projected
 * @param groupStride elements from one head group to the next: slots * headSize
 * @param headSize elements of a head, Dh
 */
public record KvLayer(MemorySegment keys, MemorySegment values, long groupStride, int headSize) {
  /** {@return K, which also is the distance between rows of {@code present} in attention} */
  public int headGroups() {
    return Math.toIntExact(keys.byteSize() / (2 * groupStride));
  }
}
