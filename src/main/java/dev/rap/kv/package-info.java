/**
 * The paged KV cache: memory, KvBlocks, and the tables that say which belong to whom.
 *
 * <p><b>Layout.</b> A KvBlock is {@code blockSize} consecutive slots, the same ones in every layer
 * and head group. Token {@code p} of a sequence has slot {@code table[p / blockSize] * blockSize +
 * p % blockSize}.
 *
 * <p><b>Start reading at</b> {@link dev.rap.kv.KvCache}, then {@link dev.rap.kv.KvBlockPool}.
 *
 * <p><b>Threads.</b> One caller at a time.
 *
 * <p><b>Depends on</b> {@code dev.rap.natives}, {@code dev.rap.kernels} and {@code dev.rap.model}.
 * Does not know who is pruned, or why.
 */
package dev.rap.kv;
