/**
 * How many bytes a mask needs, and how many it may have.
 *
 * <p><b>Start reading at</b> {@link dev.rap.memory.MemoryModel}.
 *
 * <p><b>Depends on</b> {@code dev.rap.model}. Does not know policies.
 */
package dev.rap.memory;
