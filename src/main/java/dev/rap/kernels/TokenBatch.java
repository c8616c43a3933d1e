package dev.rap.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Where the tokens of one step belong. All segments hold int32.
 *
 * <p>Tokens of one sequence are consecutive and in order of position.
 *
 * @param tokens in this step, T
 * @param sequences in this step, S
 * @param positions {@code [T]}: of each token in its sequence, from 0
 * @param sequenceOf {@code [T]}: which row of {@code blockTables} it belongs to
 * @param slots {@code [T]}: where its keys and values go: KvBlock * blockSize + offset
 * @param blockTables {@code [S, blockTableStride]}: KvBlocks in order of position
 * @param blockTableStride elements between rows of {@code blockTables}
 * @param blockSize tokens in a KvBlock
 */
public record TokenBatch(
    int tokens,
    int sequences,
    MemorySegment positions,
    MemorySegment sequenceOf,
    MemorySegment slots,
    MemorySegment blockTables,
    int blockTableStride,
    int blockSize) {}
