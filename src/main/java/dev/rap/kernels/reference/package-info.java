/**
 * The kernels in plain Java: the oracle of every other implementation, and the fallback where there
 * is no native library.
 *
 * <p><b>Start reading at</b> {@link dev.rap.kernels.reference.ReferenceKernels}.
 *
 * <p><b>Threads.</b> As {@link dev.rap.kernels.Kernels} says; everything runs on the caller.
 *
 * <p><b>Errors.</b> Buffers that are too small end in {@link IndexOutOfBoundsException}.
 *
 * <p><b>Depends on</b> {@code dev.rap.tensor} and the interface in {@code dev.rap.kernels}.
 */
package dev.rap.kernels.reference;
