/**
 * The operations of a decoder, each a pure function of its buffers.
 *
 * <p><b>Start reading at</b> {@link dev.rap.kernels.Kernels}: what there is, with shapes. {@link
 * dev.rap.kernels.NativeKernels} runs it in C; {@code dev.rap.kernels.reference} is the oracle, and
 * the fallback where there is no native library.
 *
 * <p><b>Buffers.</b> Activations are F32, row-major, in native memory, 64-byte aligned; a stride is
 * the distance between rows in elements.
 *
 * <p><b>Threads.</b> One caller at a time; an operation may use a team of threads and has finished
 * when it returns.
 *
 * <p><b>Depends on</b> {@code dev.rap.tensor} and {@code dev.rap.natives}.
 */
package dev.rap.kernels;
